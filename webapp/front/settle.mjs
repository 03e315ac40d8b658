// Makes Tabler's style sheet fit for a browser that can neither mix colours nor turn a page round.
//
// Chinese and English both run from left to right, so `margin-inline-start` is settled as `margin-left`, and so on. Tabler writes most colours as color-mix() and light-dark() of custom properties, which Chromium 86 (and all below 111) drops.
// We have two themes, each a style sheet of its own with fixed tokens, so each such value is already known when we build: the properties
// inside it are replaced by what :root gives them, and lightningcss then computes the mix. A value that hangs on a property set further down
// in the page (--tblr-btn-color and the like) is left as it is; app.css gives those components plain colours of their own.

const DECLARATION = /(--[\w-]+)\s*:\s*([^;{}]+);/g;
const ROOT_RULE = /(?:^|\})[^{}]*:root[^{}]*\{([^{}]*)\}/g;

/** The end of the call whose opening bracket stands at `open`. */
function closing(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    else if (text[at] === ')' && (depth -= 1) === 0) return at;
  }
  throw new Error(`a bracket is never closed: ${text.slice(open, open + 60)}`);
}

/** Replaces every `name(...)` by `change(inside)`; nested calls of the same name are changed first. */
function eachCall(text, name, change) {
  let done = '';
  let from = 0;
  for (let at; (at = text.indexOf(`${name}(`, from)) !== -1; ) {
    const open = at + name.length;
    const end = closing(text, open);
    const before = text[at - 1];
    const inside = eachCall(text.slice(open + 1, end), name, change);
    const changed = before && /[\w-]/.test(before) ? `${name}(${inside})` : change(inside);
    done += text.slice(from, at) + changed;
    from = end + 1;
  }
  return done + text.slice(from);
}

/** The arguments of a call, split at commas that stand in no bracket. */
function args(inside) {
  const found = [''];
  let depth = 0;
  for (const sign of inside) {
    depth += (sign === '(') - (sign === ')');
    if (sign === ',' && depth === 0) found.push('');
    else found[found.length - 1] += sign;
  }
  return found.map((one) => one.trim());
}

function rootProperties(css) {
  const known = new Map();
  for (const [selector, body] of css.matchAll(ROOT_RULE)) {
    if (/data-bs-theme=dark/.test(selector.split('{')[0])) continue; // the sheet of the dark has no such words left
    for (const [, name, value] of body.matchAll(DECLARATION)) known.set(name, value.trim());
  }
  return known;
}

/** `start end` of a logical shorthand as its two physical sides. */
function bothSides(first, second) {
  return (_, before, value, end) => {
    const important = value.includes('!important') ? ' !important' : '';
    const [start, other = start] = args(value.replace('!important', '').trim().replace(/\s+(?![^(]*\))/g, ','));
    return `${before}${first}: ${start}${important}; ${second}: ${other}${important}${end}`;
  };
}

const SIDES = [
  [/([{;\s])(margin|padding|scroll-margin|scroll-padding)-inline-start\s*:/g, '$1$2-left:'],
  [/([{;\s])(margin|padding|scroll-margin|scroll-padding)-inline-end\s*:/g, '$1$2-right:'],
  [/([{;\s])inset-inline-start\s*:/g, '$1left:'],
  [/([{;\s])inset-inline-end\s*:/g, '$1right:'],
  [/([{;\s])border-inline-start(-color|-style|-width|)\s*:/g, '$1border-left$2:'],
  [/([{;\s])border-inline-end(-color|-style|-width|)\s*:/g, '$1border-right$2:'],
  [/([{;\s])border-start-start-radius\s*:/g, '$1border-top-left-radius:'],
  [/([{;\s])border-start-end-radius\s*:/g, '$1border-top-right-radius:'],
  [/([{;\s])border-end-start-radius\s*:/g, '$1border-bottom-left-radius:'],
  [/([{;\s])border-end-end-radius\s*:/g, '$1border-bottom-right-radius:'],
  [/float\s*:\s*inline-start/g, 'float: left'],
  [/float\s*:\s*inline-end/g, 'float: right'],
  [/([{;\s])margin-inline\s*:([^;}]+)([;}])/g, bothSides('margin-left', 'margin-right')],
  [/([{;\s])padding-inline\s*:([^;}]+)([;}])/g, bothSides('padding-left', 'padding-right')],
  [/([{;\s])inset-inline\s*:([^;}]+)([;}])/g, bothSides('left', 'right')],
];

export function settle(tabler, tokens, { dark = false } = {}) {
  const plain = SIDES.reduce((text, [logical, physical]) => text.replace(logical, physical), tabler.replace(/\/\*[\s\S]*?\*\//g, ''));
  // Which sheet a page gets says whether it is dark, not an attribute of its elements.
  const themed = dark ? plain.replace(/body\[data-bs-theme=dark\]/g, 'body').replace(/\[data-bs-theme=dark\]/g, ':root') : plain;
  const css = eachCall(themed, 'light-dark', (inside) => args(inside)[dark ? 1 : 0]);
  const known = rootProperties(css);
  for (const [name, value] of rootProperties(tokens)) known.set(name, value);

  const settled = (value, depth = 0) =>
    depth > 12
      ? value
      : eachCall(value, 'var', (inside) => {
          const [name, fallback] = args(inside);
          const stands = known.get(name) ?? (name.endsWith('-opacity') ? '1' : fallback);
          return stands === undefined ? `var(${inside})` : settled(stands, depth + 1);
        });

  return eachCall(css, 'color-mix', (inside) => {
    const parts = settled(inside).replace(/calc\(\s*([\d.]+)\s*\*\s*100%\s*\)/g, (_, share) => `${share * 100}%`);
    return `color-mix(${parts})`;
  });
}
