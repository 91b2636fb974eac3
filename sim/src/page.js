'use strict';
const place = () => {
  const list = document.getElementById('messages');
  return list ? { user: list.dataset.user, channel: list.dataset.channel } : null;
};
const say = (text) => { const place = document.getElementById('error'); if (place) place.textContent = text; };
async function post(path, body) {
  say('');
  const answer = await fetch(path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ...place(), ...body }),
  });
  const json = await answer.json();
  if (!answer.ok) say(json.error);
  return json;
}
async function act(body) {
  const { id, answer } = await post('/sim/interactions', body);
  if (answer && answer.kind === 'failed') say(answer.text);
  if (answer && answer.kind === 'modal') ask(id, answer.modal);
}
function ask(id, modal) {
  const dialog = document.createElement('dialog');
  const form = document.createElement('form');
  const title = document.createElement('h2');
  title.textContent = modal.title;
  form.append(title);
  for (const field of modal.fields) {
    const label = document.createElement('label');
    label.textContent = field.label;
    const input = document.createElement('input');
    input.name = field.custom_id;
    input.value = field.value;
    input.required = field.required;
    label.append(input);
    form.append(label, document.createElement('br'));
  }
  const send = document.createElement('button');
  send.textContent = 'Submit';
  form.append(send);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    act({ modal: id, fields: Object.fromEntries(new FormData(form)) });
    dialog.close();
  });
  dialog.addEventListener('close', () => dialog.remove());
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
}
document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-press]');
  if (button) act({ message: button.closest('article').dataset.message, press: button.dataset.press });
});
document.addEventListener('change', (event) => {
  const menu = event.target.closest('[data-select]');
  if (!menu || !menu.value) return;
  act({ message: menu.closest('article').dataset.message, select: menu.dataset.select, values: [menu.value] });
});
document.addEventListener('submit', (event) => {
  if (event.target.id !== 'say') return;
  event.preventDefault();
  const input = event.target.elements.line;
  const line = input.value.trim();
  input.value = '';
  if (line.startsWith('/')) act({ command: line });
  else if (line) post('/sim/messages', { content: line });
});
async function watch() {
  let version = Number(document.body.dataset.version);
  for (;;) {
    try {
      const news = await (await fetch(`/sim/changes?since=${version}`)).json();
      if (news.version === version) continue;
      version = news.version;
      const fresh = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html');
      for (const part of ['aside', '#messages']) {
        const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
        if (old && now) old.replaceWith(now);
      }
    } catch {
      await new Promise((wait) => setTimeout(wait, 1000));
    }
  }
}
watch();
