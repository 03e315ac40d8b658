// <details class="menu">: a menu that a second click, Escape or a click elsewhere closes.

function closeAll(except) {
  for (const open of document.querySelectorAll('details.menu[open]')) if (open !== except) open.open = false;
}

document.addEventListener('click', (event) => closeAll(event.target.closest('details.menu')));
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const open = document.activeElement && document.activeElement.closest('details.menu[open]');
  closeAll();
  if (open) open.querySelector('summary').focus();
});
