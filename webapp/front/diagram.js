// A process diagram in the page, with the way that one instance took through it.
//
//   <div class="diagram" data-diagram-url="/…xml" data-path-url="/…json" role="group" aria-label="…"
//        data-zoom-in="放大" data-zoom-out="缩小" data-zoom-fit="适合窗口" data-failed="流程图无法显示"></div>
//
// data-path-url (may be absent) answers
//   {"done": ["adm_s", "flow_1", …], "current": ["adm_u2"], "cancelled": ["adm_t1"], "ahead": ["adm_u4"], "notes": {"adm_u2": "张三，11月27日前"}}
// with ids of steps and sequence flows as drawn. "notes" are shown beside a step on hover and on keyboard focus:
// whatever has a note can be reached with the tab key, and says its name and note to a screen reader.
// A page that replays a record calls element.showPath(path) with such an object for each moment.
import Viewer from 'bpmn-js/lib/NavigatedViewer';

const MARKERS = { done: 'path-done', current: 'path-current', cancelled: 'path-cancelled', ahead: 'path-ahead' };

async function fetched(url, kind) {
  const answer = await fetch(url, { credentials: 'same-origin', headers: { Accept: kind } });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer;
}

class Path {
  constructor(viewer) {
    this.canvas = viewer.get('canvas');
    this.elements = viewer.get('elementRegistry');
    this.marked = [];
    this.notes = {};
  }

  show(path) {
    for (const [id, marker] of this.marked) this.canvas.removeMarker(id, marker);
    this.marked = [];
    for (const [part, marker] of Object.entries(MARKERS)) {
      for (const id of path[part] || []) {
        if (!this.elements.get(id)) continue; // a step of a sub-process that is not drawn on this plane
        this.canvas.addMarker(id, marker);
        this.marked.push([id, marker]);
      }
    }
    this.notes = path.notes || {};
    this.reach();
  }

  // Steps with a note are stops of the tab key, in the order in which they are drawn from left to right.
  reach() {
    for (const gfx of this.reached || []) gfx.removeAttribute('tabindex');
    const noted = Object.keys(this.notes).map((id) => this.elements.get(id)).filter((one) => one && !one.labelTarget);
    noted.sort((one, other) => (one.x || 0) - (other.x || 0));
    this.reached = noted.map((element) => {
      const gfx = this.elements.getGraphics(element);
      gfx.setAttribute('tabindex', '0');
      gfx.setAttribute('role', 'img');
      gfx.setAttribute('aria-label', [(element.businessObject || {}).name, this.notes[element.id]].filter(Boolean).join(' · '));
      gfx.parentNode.parentNode.append(gfx.parentNode); // the order of the tab key is that of the drawing's parts
      return gfx;
    });
  }
}

function tooltip(holder, viewer, path) {
  const tip = document.createElement('div');
  tip.className = 'diagram-note';
  tip.hidden = true;
  tip.setAttribute('role', 'status');
  holder.append(tip);
  const hide = () => {
    tip.hidden = true;
  };
  const show = (element, gfx) => {
    const drawn = element.businessObject || {};
    const note = path.notes[element.id];
    if (element.type === 'bpmn:Process' || element.type === 'bpmn:Collaboration' || (!note && !drawn.documentation)) return hide();
    const why = (drawn.documentation || []).map((one) => one.text).join(' ');
    tip.textContent = [drawn.name, note, why].filter(Boolean).join('\n');
    if (!tip.textContent) return hide();
    tip.hidden = false;
    const box = gfx.getBoundingClientRect();
    const around = holder.getBoundingClientRect();
    const left = Math.min(Math.max(0, box.left - around.left), Math.max(0, around.width - tip.offsetWidth));
    const below = box.bottom - around.top + 6;
    const fits = below + tip.offsetHeight <= around.height;
    tip.style.left = `${left}px`;
    tip.style.top = `${fits ? below : Math.max(0, box.top - around.top - tip.offsetHeight - 6)}px`;
  };
  viewer.on('element.hover', ({ element, gfx }) => show(element, gfx));
  viewer.on('element.out', hide);
  holder.addEventListener('focusin', ({ target }) => {
    const gfx = target.closest && target.closest('.djs-element');
    const element = gfx && viewer.get('elementRegistry').get(gfx.getAttribute('data-element-id'));
    if (!element || !path.notes[element.id]) return hide();
    viewer.get('canvas').scrollToElement(element, 60);
    show(element, gfx);
  });
  holder.addEventListener('focusout', hide);
  holder.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') hide();
  });
}

function zoomButtons(holder, viewer) {
  const canvas = viewer.get('canvas');
  const bar = document.createElement('div');
  bar.className = 'diagram-zoom btn-group-vertical d-print-none';
  const steps = [
    ['zoomIn', '+', () => canvas.zoom(canvas.zoom() * 1.25)],
    ['zoomOut', '−', () => canvas.zoom(canvas.zoom() / 1.25)],
    ['zoomFit', '⤢', () => canvas.zoom('fit-viewport', 'auto')],
  ];
  for (const [name, sign, act] of steps) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'btn btn-icon';
    button.textContent = sign;
    if (holder.dataset[name]) {
      button.title = holder.dataset[name];
      button.setAttribute('aria-label', holder.dataset[name]);
    }
    button.addEventListener('click', act);
    bar.append(button);
  }
  holder.append(bar);
}

const READABLE = 0.5; // below this zoom the names of the steps cannot be read

// The whole drawing where it can be read; on a narrow screen the place where the instance stands, the rest by dragging.
function place(viewer, path) {
  const canvas = viewer.get('canvas');
  canvas.zoom('fit-viewport', 'auto');
  if (canvas.zoom() >= READABLE || canvas.getSize().width > 575) return;
  const elements = viewer.get('elementRegistry');
  const shapes = [...(path.done || []), ...(path.current || [])].map((id) => elements.get(id)).filter((one) => one && one.width && !one.labelTarget);
  const here = shapes[shapes.length - 1];
  const { width, height } = canvas.getSize();
  canvas.zoom(READABLE + 0.2);
  if (!here) return;
  const scale = canvas.zoom();
  const [x, y] = [here.x + here.width / 2 - width / scale / 2, here.y + here.height / 2 - height / scale / 2];
  canvas.viewbox({ x, y, width: width / scale, height: height / scale });
}

async function draw(holder) {
  holder.dataset.drawn = 'started';
  const sheet = document.createElement('div');
  sheet.className = 'diagram-sheet';
  holder.append(sheet);
  try {
    const viewer = new Viewer({ container: sheet });
    const [xml, answer] = await Promise.all([
      fetched(holder.dataset.diagramUrl, 'application/xml').then((one) => one.text()),
      holder.dataset.pathUrl ? fetched(holder.dataset.pathUrl, 'application/json').then((one) => one.json()) : {},
    ]);
    await viewer.importXML(xml);
    const path = new Path(viewer);
    tooltip(holder, viewer, path);
    zoomButtons(holder, viewer);
    holder.showPath = (moment) => path.show(moment);
    holder.showPath(answer);
    place(viewer, answer);
    holder.dataset.drawn = 'done';
  } catch (error) {
    sheet.remove();
    const words = document.createElement('p');
    words.className = 'text-secondary p-3';
    words.textContent = holder.dataset.failed || '流程图无法显示';
    holder.append(words);
    holder.dataset.drawn = 'failed';
    console.error(error);
  }
}

function drawAll(within) {
  for (const holder of within.querySelectorAll('[data-diagram-url]:not([data-drawn])')) draw(holder);
}

drawAll(document);
document.addEventListener('htmx:load', (event) => drawAll(event.target.parentNode || document));
