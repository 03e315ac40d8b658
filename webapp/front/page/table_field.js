// data-table-field: a form field that is a table of rows. A button with data-add-row takes the <template> inside and
// puts the next free number for __row__; a button with data-remove-row takes its row away. Without script the
// server's own buttons (name="_add_row", name="_remove_row") do the same by a round trip, so nothing hangs on this.

export function add(field) {
  const rows = field.querySelector('[data-rows-of]');
  const template = field.querySelector('template');
  if (!rows || !template) return false;
  const next = Number(field.dataset.nextRow || rows.children.length);
  field.dataset.nextRow = next + 1;
  const holder = document.createElement('template');
  holder.innerHTML = template.innerHTML.replace(/__row__/g, String(next));
  const made = holder.content.firstElementChild;
  rows.append(made);
  window.htmx.process(made); // its look-ups and what it steers ask the server like those of the rows that came with the page
  const first = made.querySelector('input:not([type=hidden]), select, textarea');
  if (first) first.focus();
  return true;
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-add-row], [data-remove-row]');
  if (!button) return;
  const field = button.closest('[data-table-field]');
  if (!field) return;
  let changed = false;
  if (button.hasAttribute('data-add-row')) {
    changed = add(field);
  } else {
    const row = button.closest('[data-row]');
    const beside = row && (row.previousElementSibling || row.nextElementSibling);
    if (row) {
      row.remove();
      changed = true;
      const target = (beside || field).querySelector('input:not([type=hidden]), select, textarea, [data-add-row]');
      if (target) target.focus();
    }
  }
  if (!changed) return;
  event.preventDefault();
  field.dispatchEvent(new Event('change', { bubbles: true })); // so that the draft is saved
});
