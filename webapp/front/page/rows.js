// <table data-rows>: the arrow keys walk from row to row by each row's first link, and a click anywhere in a row follows it.

const link = (row) => row && row.querySelector('a[href]');

function rowOf(target) {
  const row = target.closest('table[data-rows] tbody tr');
  return row && link(row) ? row : null;
}

document.addEventListener('click', (event) => {
  const row = rowOf(event.target);
  if (!row || event.target.closest('a, button, input, select, textarea, label, summary')) return;
  if (window.getSelection && String(window.getSelection())) return; // someone is copying a number
  link(row).click();
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  if (!event.target.matches('a[href]')) return;
  const row = rowOf(event.target);
  if (!row) return;
  const rows = [...row.parentNode.children].filter(link);
  const next = rows[rows.indexOf(row) + (event.key === 'ArrowDown' ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  link(next).focus();
});
