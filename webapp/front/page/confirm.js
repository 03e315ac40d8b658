// data-confirm="同意并提交？": asks once, in a dialog that the keyboard closes, before a button's form is sent.
// The answer buttons carry the words of data-confirm-yes and data-confirm-no on <body> (translated by the server).

function dialog() {
  const found = document.getElementById('confirm');
  if (found) return found;
  const made = document.createElement('dialog');
  made.id = 'confirm';
  made.className = 'confirm';
  made.setAttribute('aria-labelledby', 'confirm-words');
  const form = document.createElement('form');
  form.method = 'dialog';
  const words = document.createElement('p');
  words.id = 'confirm-words';
  const answers = document.createElement('div');
  answers.className = 'btn-list justify-content-end';
  for (const [value, kind, fallback] of [['no', 'btn', '取消'], ['yes', 'btn btn-primary', '确定']]) {
    const button = document.createElement('button');
    button.value = value;
    button.className = kind;
    button.textContent = document.body.getAttribute(`data-confirm-${value}`) || fallback;
    answers.append(button);
  }
  form.append(words, answers);
  made.append(form);
  document.body.append(made);
  return made;
}

document.addEventListener(
  'click',
  (event) => {
    const asked = event.target.closest('[data-confirm]');
    if (!asked || asked.disabled) return;
    if (asked.dataset.confirmed) {
      delete asked.dataset.confirmed;
      return;
    }
    // A form that is not filled in shows its own gaps first; there is nothing to confirm yet.
    if (asked.form && !asked.formNoValidate && !asked.form.noValidate && !asked.form.checkValidity()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const box = dialog();
    box.querySelector('#confirm-words').textContent = asked.dataset.confirm;
    box.returnValue = '';
    box.onclose = () => {
      asked.focus();
      if (box.returnValue !== 'yes') return;
      asked.dataset.confirmed = 'yes';
      asked.click();
    };
    box.showModal();
  },
  true,
);
