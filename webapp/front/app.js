// On every page: htmx, and small habits that any page may ask for with an attribute. No page needs script to work.
import htmx from 'htmx.org';

import './page/confirm.js';
import './page/live_list.js';
import './page/menu.js';
import './page/office_form.js';
import './page/passkey.js';
import './page/print.js';
import './page/rows.js';
import './page/table_field.js';
import './page/table_paste.js';

// The content security policy allows neither inline style nor eval: htmx must not try.
Object.assign(htmx.config, {
  allowEval: false,
  allowScriptTags: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  historyCacheSize: 0, // pages hold personal data: none is kept in the browser's storage
  // A refused form (422) comes back as the same page with its errors, and 409 and 403 as pages that say what happened: show them.
  responseHandling: [
    { code: '204', swap: false },
    { code: '[23]..', swap: true },
    { code: '(403|404|409|422)', swap: true },
    { code: '...', swap: false, error: true },
  ],
});
window.htmx = htmx;

// htmx posts carry the form's own CSRF token; a button outside a form takes it from the page's head.
document.addEventListener('htmx:configRequest', (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token && event.detail.verb !== 'get') event.detail.headers['X-CSRFToken'] = token.content;
});
