// data-print: a button that prints the page as it is; folded parts are opened for the paper and folded again.

document.addEventListener('click', (event) => {
  if (event.target.closest('[data-print]')) window.print();
});

let unfolded = [];
window.addEventListener('beforeprint', () => {
  unfolded = [...document.querySelectorAll('main details:not([open]):not(.menu)')];
  for (const part of unfolded) part.open = true;
});
window.addEventListener('afterprint', () => {
  for (const part of unfolded) part.open = false;
  unfolded = [];
});
