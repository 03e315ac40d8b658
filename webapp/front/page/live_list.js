// A list of things to do: j and k walk its rows, Enter opens one, x selects it, / goes to the filter, ? says so.
// Checkboxes of one name can be set all at once, and how many are set is said. When the list is put in place again (htmx),
// what was selected and where the keyboard stood is kept; nobody's reading is disturbed in a window that is not looked at.
// Without script a row is a link and a checkbox is a checkbox.

const list = () => document.querySelector('table[data-rows] tbody input[type=checkbox][name=task]')?.closest('table');
const rows = () => { const found = list() || document.querySelector('#inbox-list table[data-rows]'); return found ? [...found.tBodies[0].rows] : []; };
const link = (row) => row.querySelector('a[href]');
const box = (row) => row.querySelector('input[type=checkbox][name=task]');

function count() {
  const said = document.querySelector('[data-checked]');
  if (!said) return;
  const boxes = [...document.querySelectorAll(`input[type=checkbox][name="${said.dataset.checked}"]`)];
  const set = boxes.filter((one) => one.checked).length;
  if (said.dataset.empty === undefined) said.dataset.empty = said.textContent;
  said.textContent = set ? said.dataset.words.replace('{count}', set) : said.dataset.empty;
  for (const all of document.querySelectorAll(`[data-check-all="${said.dataset.checked}"]`)) {
    all.checked = set > 0 && set === boxes.length;
    all.indeterminate = set > 0 && set < boxes.length;
  }
  // On a phone the bar would hide half the list: it comes with the first row that is selected.
  said.closest('.action-bar')?.classList.toggle('d-none', !set && window.matchMedia('(max-width: 767.98px)').matches);
  for (const one of boxes) one.closest('tr')?.classList.toggle('chosen', one.checked);
}

document.addEventListener('change', (event) => {
  const all = event.target.closest('[data-check-all]');
  if (all) for (const one of document.querySelectorAll(`input[type=checkbox][name="${all.dataset.checkAll}"]`)) one.checked = all.checked;
  if (all || event.target.matches('input[type=checkbox][name=task]')) count();
});
document.addEventListener('DOMContentLoaded', count);
window.addEventListener('pageshow', count);

// --- the keyboard ------------------------------------------------------------------------------------------------------

const typing = (target) => target.matches('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');
const here = () => rows().findIndex((row) => row.contains(document.activeElement));

function go(step) {
  const all = rows().filter(link);
  if (!all.length) return;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  link(all[next]).focus();
  all[next].scrollIntoView({ block: 'nearest' });
}

function help() {
  const shown = document.getElementById('keys-help');
  if (shown && shown.showModal && !shown.open) shown.showModal();
}

document.addEventListener('click', (event) => { if (event.target.closest('[data-keys-help]')) help(); });
document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (!document.getElementById('inbox-list') || document.querySelector('dialog[open]')) return;
  const acts = {
    j: () => go(1),
    k: () => go(-1),
    x: () => { const one = here() < 0 ? null : box(rows()[here()]); if (one) { one.checked = !one.checked; count(); } },
    '/': () => document.querySelector('form[role=search] input[type=search]')?.focus(),
    '?': help,
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
});

// --- put in place again ------------------------------------------------------------------------------------------------

let kept = null;

document.addEventListener('htmx:beforeRequest', (event) => {
  if (event.detail.elt.id === 'inbox-tabs' && (document.hidden || document.querySelector('dialog[open]'))) event.preventDefault();
});
document.addEventListener('htmx:beforeSwap', (event) => {
  if (event.detail.target.id !== 'inbox-tabs') return;
  const at = here();
  kept = {
    set: new Set([...document.querySelectorAll('input[name=task]:checked')].map((one) => one.value)),
    href: at < 0 ? null : link(rows()[at])?.getAttribute('href'),
    box: document.activeElement?.matches('input[name=task]') ? document.activeElement.id : null,
    y: window.scrollY,
  };
});
document.addEventListener('htmx:afterSettle', () => {
  if (!kept || !document.getElementById('inbox-list')) return;
  const { set, href, box: at, y } = kept;
  kept = null;
  for (const one of document.querySelectorAll('input[name=task]')) one.checked = set.has(one.value);
  const again = at ? document.getElementById(at) : href && [...document.querySelectorAll('#inbox-list a[href]')].find((one) => one.getAttribute('href') === href);
  if (again) again.focus({ preventScroll: true });
  window.scrollTo(window.scrollX, y);
  count();
});
