// Builds what the browser gets: app.js and app.css for every page, diagram.js and diagram.css for pages that show a diagram,
// chart.js for pages that show a chart.
//
//   node webapp/front/build.mjs            -> webapp/static/dist/
//   node webapp/front/build.mjs --tests    -> tests/browser/dist/ as well: form_js.js (form-js's own viewer, for the differential
//                                             test) and modellers.js (dmn-js and bpmn-js's modeller, for the round trip)
//
// Everything is made to work from Chromium 86 on, the oldest browser still met in government offices.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import esbuild from 'esbuild';
import { Features, transform } from 'lightningcss';

import { settle } from './settle.mjs';

const OLDEST_CHROMIUM = 86;
const front = dirname(fileURLToPath(import.meta.url));
const root = join(front, '..', '..');
const dist = join(root, 'webapp', 'static', 'dist');
const require = createRequire(import.meta.url);

const script = (entry, out) =>
  esbuild.build({
    entryPoints: [entry],
    outfile: out,
    bundle: true,
    minify: true,
    format: 'iife',
    target: `chrome${OLDEST_CHROMIUM}`,
    legalComments: 'linked',
    logLevel: 'warning',
  });

function style(parts, out) {
  const result = transform({
    filename: out,
    code: Buffer.from(parts.join('\n')),
    minify: true,
    errorRecovery: true,
    targets: { chrome: OLDEST_CHROMIUM << 16 },
    exclude: Features.LogicalProperties, // settled already: we write from left to right only
  });
  writeFileSync(join(dist, out), result.code);
}

const installed = (path) => readFileSync(require.resolve(path), 'utf8');
const own = (name) => readFileSync(join(front, name), 'utf8');

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const tokens = own('tokens.css');
const tabler = installed('@tabler/core/dist/css/tabler.css');
style([settle(tabler, tokens), tokens, own('app.css'), own('print.css')], 'app.css');
const inTheDark = `${tokens}\n${own('tokens-dark.css')}`;
style([settle(tabler, inTheDark, { dark: true }), inTheDark, own('app.css')], 'app-dark.css'); // paper is never dark
style([installed('bpmn-js/dist/assets/diagram-js.css'), installed('bpmn-js/dist/assets/bpmn-js.css'), own('diagram.css')], 'diagram.css');

const builds = [script(join(front, 'app.js'), join(dist, 'app.js')), script(join(front, 'diagram.js'), join(dist, 'diagram.js')), script(join(front, 'chart.js'), join(dist, 'chart.js'))];
const browserTests = join(root, 'tests', 'browser');
for (const name of process.argv.includes('--tests') ? ['form_js', 'modellers'] : []) {
  const entry = join(browserTests, `${name}_entry.js`);
  if (existsSync(entry)) builds.push(script(entry, join(browserTests, 'dist', `${name}.js`)));
}
await Promise.all(builds);

// Each file's digest: a page asks for app.css?v=<digest>, so that the browser may keep a file for ever.
const digest = (name) => createHash('sha256').update(readFileSync(join(dist, name))).digest('hex').slice(0, 12);
const files = readdirSync(dist).filter((name) => /\.(js|css)$/.test(name)).sort();
writeFileSync(join(dist, 'manifest.json'), JSON.stringify(Object.fromEntries(files.map((name) => [name, digest(name)])), null, 1));
