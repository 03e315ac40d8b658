// <form data-passkey="create|get" data-passkey-options="{…}">: asks the device before the form is sent, and sends its answer in
// the field `passkey`. What did not work is said in the element with data-passkey-said, in words of the page.
const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (sign) => sign.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

function readable(options) {
  const found = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) found.user = { ...options.user, id: toBytes(options.user.id) };
  for (const list of ['excludeCredentials', 'allowCredentials']) {
    if (options[list]) found[list] = options[list].map((one) => ({ ...one, id: toBytes(one.id) }));
  }
  return found;
}

function said(answer) {
  const response = { clientDataJSON: toText(answer.response.clientDataJSON) };
  for (const part of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (answer.response[part]) response[part] = toText(answer.response[part]);
  }
  if (answer.response.getTransports) response.transports = answer.response.getTransports();
  return JSON.stringify({ id: answer.id, rawId: toText(answer.rawId), type: answer.type, response });
}

const WHY = { NotAllowedError: 'cancelled', AbortError: 'cancelled', InvalidStateError: 'there', NotSupportedError: 'unsupported' };

document.addEventListener('submit', async (event) => {
  const form = event.target.closest('form[data-passkey]');
  if (!form || form.elements.passkey.value) return;
  if (form.querySelector('input[required]') && !form.checkValidity()) return; // the server says what is missing
  event.preventDefault();
  const button = form.querySelector('button');
  const words = form.querySelector('[data-passkey-said]');
  words.hidden = true;
  button.disabled = true;
  try {
    if (!window.PublicKeyCredential) throw new DOMException('', 'NotSupportedError');
    const publicKey = readable(JSON.parse(form.dataset.passkeyOptions));
    form.elements.passkey.value = said(await navigator.credentials[form.dataset.passkey]({ publicKey }));
    form.submit();
  } catch (error) {
    words.textContent = words.dataset[WHY[error.name] || 'other'];
    words.hidden = false;
  } finally {
    button.disabled = false;
  }
});
