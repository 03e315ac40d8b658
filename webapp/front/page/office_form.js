// form[data-office-form]: a page with a form from a form file. While somebody is still typing, the answer to an earlier change
// is not put in place, so that nothing typed since is lost; it is asked for again when the typing pauses. After a refusal the
// list of what to correct is read first. Without script nothing hangs on this.

const PAUSE = 600; // milliseconds without a key before the form is asked for again

let touched = false; // something changed since the last question was sent
let composing = false; // an input method is building characters
let choosing = null; // the file input whose window is open: what is chosen there must find it still on the page
let asking = false; // the change being told of is our own question, nobody typed
let selected = null; // id, start and end of the selection when the form is put in place again
let waiting = null;

const inForm = (element) => element instanceof Element && element.closest('[data-office-form]');
const isBody = (target) => target && target.id === 'form-body';

for (const kind of ['input', 'change']) {
  document.addEventListener(kind, (event) => {
    if (inForm(event.target) && !asking) touched = true;
  }, true);
}
document.addEventListener('compositionstart', () => { composing = true; });
document.addEventListener('compositionend', () => { composing = false; });

document.addEventListener('click', (event) => {
  choosing = inForm(event.target) && event.target.type === 'file' ? event.target : null;
}, true);
for (const kind of ['change', 'cancel', 'keydown']) {
  document.addEventListener(kind, () => { choosing = null; }, true);
}

document.addEventListener('htmx:beforeSend', (event) => {
  if (isBody(event.detail.target)) touched = false;
});

document.addEventListener('htmx:beforeSwap', (event) => {
  const { target, requestConfig } = event.detail; // detail.elt is the target here, not who asked
  if (!isBody(target)) return;
  if (!(touched || composing || choosing)) {
    const at = document.activeElement;
    selected = inForm(at) && at.id && typeof at.selectionStart === 'number' ? [at.id, at.selectionStart, at.selectionEnd] : null;
    return;
  }
  event.detail.shouldSwap = false;
  clearTimeout(waiting);
  waiting = setTimeout(function again() {
    if (composing || choosing) { waiting = setTimeout(again, PAUSE); return; }
    const asker = document.body.contains(requestConfig.elt) ? requestConfig.elt : document.querySelector('#form-body [hx-trigger="change"]');
    asking = true;
    if (asker) asker.dispatchEvent(new Event('change', { bubbles: true }));
    asking = false;
  }, PAUSE);
});

// A draft that did not arrive: the page says so where it said when the last one was kept, and sends it again with the connection.
let unsaved = false;

function saveAgain() {
  const form = document.querySelector('[data-office-form][hx-post]');
  if (!unsaved || !form) return;
  asking = true;
  form.dispatchEvent(new Event('change', { bubbles: true }));
  asking = false;
}

document.addEventListener('htmx:sendError', (event) => {
  const form = inForm(event.target);
  const said = document.getElementById('saved-at');
  if (!form || !form.dataset.unsaved || !said) return;
  if (!unsaved) {
    said.className = 'saved-at field-error';
    said.setAttribute('role', 'alert');
    said.textContent = form.dataset.unsaved;
  }
  unsaved = true;
});

document.addEventListener('htmx:afterSwap', (event) => {
  if (event.detail.target && event.detail.target.id === 'saved-at') unsaved = false;
});

window.addEventListener('online', saveAgain);
setInterval(saveAgain, 20 * PAUSE); // the device may be connected while the office is not

// htmx puts the caret back, but not a selection that begins at the first letter: what is typed next must replace it.
document.addEventListener('htmx:afterSwap', () => {
  if (!selected) return;
  const [id, start, end] = selected;
  const again = document.getElementById(id);
  if (again && again === document.activeElement && again.setSelectionRange) again.setSelectionRange(start, end);
  selected = null;
});

// A look-up that was being typed while the form was put in place again: its question went with the old input, so it is asked here.
document.addEventListener('htmx:afterSettle', (event) => {
  const at = document.activeElement;
  if (!isBody(event.target) || !inForm(at) || !at.list || !at.value || at.list.options.length) return;
  window.htmx.ajax('GET', at.getAttribute('hx-get'), { source: at, target: at.list, swap: 'innerHTML' });
});

// Files have been sent when they were chosen. What goes without any goes as plain fields: the server reads them in a sixth of the time.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!inForm(form)) return;
  const chosen = [...form.elements].some((input) => input.type === 'file' && input.files.length);
  form.enctype = chosen ? 'multipart/form-data' : 'application/x-www-form-urlencoded';
});

// After a refusal the list of what to correct is read first.
document.addEventListener('DOMContentLoaded', () => {
  const errors = document.getElementById('form-errors');
  if (errors) errors.focus();
});
