// data-table-field: cells copied from a spreadsheet fill rows from the cell in which they are pasted, more rows are added as far as
// the form takes them, and what did not fit is said. A first line of headings is matched with the columns by its words. The server
// reads what stands in the inputs as always; without script each cell is typed.
import { add } from './table_field.js';

const MOST_ROWS = 500;
const MOST_COLUMNS = 60;
const MOST_SAID = 8; // cells that did not fit, said one by one
const SEVERAL = /[、,，;；\n]+/;
const TICKED = ['是', '√', 'true', '1', 'yes'];

let last = null; // what was said of the latest paste: it is said again when the form is put in place anew

// Tab-separated lines as spreadsheets copy them; a cell with line ends or tabs stands in quotes.
function cellsOf(text) {
  const rows = [[]];
  let at = 0;
  while (at <= text.length && rows.length <= MOST_ROWS) {
    let cell = '';
    if (text[at] === '"') {
      at += 1;
      while (at < text.length && !(text[at] === '"' && text[at + 1] !== '"')) {
        if (text[at] === '"') at += 1;
        cell += text[at];
        at += 1;
      }
      at += 1;
    }
    while (at < text.length && text[at] !== '\t' && text[at] !== '\n') {
      cell += text[at];
      at += 1;
    }
    rows[rows.length - 1].push(cell.trim());
    if (text[at] === '\n') rows.push([]);
    at += 1;
  }
  return rows.filter((row) => row.some((cell) => cell)).map((row) => row.slice(0, MOST_COLUMNS));
}

const words = (element) => (element ? element.textContent.replace(/\*/g, '').trim() : '');

function day(text) {
  const found = /^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T ]+(\d{1,2}):(\d{2})(?::\d{2})?)?$/.exec(text);
  if (!found) return null;
  const two = (part) => part.padStart(2, '0');
  return { date: `${found[1]}-${two(found[2])}-${two(found[3])}`, time: found[4] ? `${two(found[4])}:${found[5]}` : '00:00' };
}

// Whether the text found a place in the cell; a cell that asks nothing takes whatever stands there.
function fill(cell, text) {
  const inputs = [...cell.querySelectorAll('input:not([type=hidden]), select, textarea')];
  if (!inputs.length || !text) return true;
  const [first] = inputs;
  if (first.type === 'file') return false;
  if (first.type === 'radio' || (first.type === 'checkbox' && first.value !== 'true')) {
    const wanted = first.type === 'radio' ? [text] : text.split(SEVERAL).map((part) => part.trim()).filter(Boolean);
    const chosen = wanted.map((one) => inputs.find((input) => input.value === one || words(input.closest('label')) === one));
    for (const input of chosen) if (input) input.checked = true;
    return chosen.every(Boolean);
  }
  if (first.type === 'checkbox') {
    first.checked = TICKED.includes(text.toLowerCase());
    return true;
  }
  if (first.tagName === 'SELECT') {
    const option = [...first.options].find((one) => one.value && (one.value === text || words(one) === text));
    if (option) first.value = option.value;
    return Boolean(option);
  }
  if (first.type === 'date' || first.type === 'datetime-local') {
    const found = day(text);
    first.value = found ? (first.type === 'date' ? found.date : `${found.date}T${found.time}`) : '';
    return Boolean(found && first.value);
  }
  first.value = first.tagName === 'TEXTAREA' ? text : text.replace(/\s*\n\s*/g, ' ');
  return true;
}

function say(field, text) {
  const place = field.querySelector('[data-paste-said]');
  if (place) place.textContent = text;
}

function paste(field, from, rows) {
  const heads = [...field.querySelectorAll('thead th')].map(words);
  const body = field.querySelector('[data-rows-of]');
  const cell = from.closest('td');
  const start = [...body.children].indexOf(cell.parentNode);
  let columns = rows[0].map((_, number) => [...cell.parentNode.children].indexOf(cell) + number);
  const named = rows[0].map((one) => heads.indexOf(one.replace(/\*/g, '').trim()));
  if (rows.length > 1 && rows[0].every((one, number) => !one || named[number] >= 0)) {
    columns = named;
    rows.shift();
  }
  const most = Number(field.dataset.maxRows || MOST_ROWS);
  const unfit = [];
  let done = 0;
  let beyond = 0;
  rows.forEach((values, number) => {
    if (start + number >= body.children.length && (body.children.length >= most || !add(field))) {
      beyond += 1;
      return;
    }
    const row = body.children[start + number];
    done += 1;
    values.forEach((text, column) => {
      const at = columns[column];
      const target = at >= 0 && at < heads.length ? row.children[at] : null;
      if (text && (!target || target.querySelector('[data-remove-row]') || !fill(target, text))) {
        unfit.push(field.dataset.pasteCell.replace('{row}', start + number + 1).replace('{column}', target ? heads[at] : column + 1).replace('{text}', text.slice(0, 30)));
      }
    });
  });
  const said = [field.dataset.pasteDone.replace('{rows}', done)];
  if (beyond) said.push(field.dataset.pasteBeyond.replace('{rows}', beyond));
  if (unfit.length) said.push(field.dataset.pasteUnfit.replace('{count}', unfit.length) + unfit.slice(0, MOST_SAID).join(field.dataset.pasteBetween) + (unfit.length > MOST_SAID ? ' …' : ''));
  last = { id: field.id, text: said.join(' ') };
  say(field, last.text);
  from.focus();
}

document.addEventListener('paste', (event) => {
  const field = event.target.closest && event.target.closest('[data-table-field][data-paste-done]');
  if (!field || !event.target.closest('td') || !event.clipboardData) return;
  const text = event.clipboardData.getData('text/plain').replace(/\r\n?/g, '\n').replace(/\n$/, '');
  // One cell, or lines of a longer text, go where they are pasted.
  if (!text.includes('\t') && (!text.includes('\n') || event.target.tagName === 'TEXTAREA')) return;
  const rows = cellsOf(text);
  if (!rows.length) return;
  event.preventDefault();
  paste(field, event.target, rows);
  field.dispatchEvent(new Event('change', { bubbles: true })); // so that the draft is saved
});

// What can be done is said where there is room and a keyboard for it; after a paste, what came of it.
function tell() {
  for (const field of document.querySelectorAll('[data-paste-hint]')) {
    const of = last && last.id === field.id ? last.text : '';
    say(field, of || (window.matchMedia('(min-width: 768px)').matches ? field.dataset.pasteHint : ''));
  }
}

document.addEventListener('DOMContentLoaded', tell);
document.addEventListener('htmx:afterSwap', tell);
