// Readers and their interests. What is changed is saved at once.
import * as api from './api.js';
import { $, h, arrange, plural, say, trouble } from './dom.js';
import { confirm } from './confirm.js';
import { Paged } from './pages.js';
import { name, offer, choose } from './who.js';

const cards = new Map(); // id -> card, of those that were shown
let readers = [];

const paged = new Paged('readers-pages', 12, (list) => {
  for (const r of list) {
    if (!cards.has(r.id)) cards.set(r.id, newCard(r.id));
    cards.get(r.id).show(r);
  }
  arrange($('readers'), list.map((r) => cards.get(r.id).element));
});

function show() {
  readers.sort((a, b) => name(a).localeCompare(name(b)));
  offer(readers);
  paged.set(readers);
  $('readers-empty').hidden = readers.length > 0;
  $('readers-empty').replaceChildren('No readers yet: add one by name.');
  $('readers-total').textContent = plural(readers.length, 'reader');
}

async function save(reader, text) {
  try {
    const saved = await api.setReader(reader);
    put(saved);
    say('reader-message', text);
    return true;
  } catch (error) {
    say('reader-message', error.message, true);
    return false;
  }
}

// put shows a reader as it is now; what is typed in its forms stays.
function put(reader) {
  readers = [...readers.filter((r) => r.id !== reader.id), reader];
  show();
}

function interest(reader, i) {
  const text = i.text.replace(/^tag:/, 'tag ').replace(/^feed:/, 'feed '), weight = i.weight || 1;
  const without = { ...reader, interests: reader.interests.filter((x) => x !== i) };
  return h('li', { class: 'chip' + (weight < 0 ? ' less' : '') }, text,
    weight !== 1 && h('small', {}, weight < 0 ? 'rather not' : `× ${weight}`),
    h('button', { type: 'button', 'aria-label': `Remove the interest ${text}`,
      onclick: async () => {
        if (await save(without, `${text} is removed.`)) cards.get(reader.id)?.input.focus();
      } }, '×'));
}

function newCard(id) {
  let reader;
  const hiddens = [];
  const hidden = () => {
    hiddens.push(h('span', { class: 'hidden' }));
    return hiddens.at(-1);
  };
  const field = (suffix, label, input) => {
    input.id = `reader-${id}-${suffix}`;
    return h('p', { class: 'field' }, h('label', { for: input.id }, label), input);
  };
  const title = h('h3', {}), languages = h('p', { class: 'address' }), chips = h('ul', { class: 'interests' });
  const input = h('input', { maxlength: 200, required: true, autocomplete: 'off', placeholder: 'words, tag:NAME' });
  const weight = h('select', {}, h('option', { value: 1 }, 'interested'), h('option', { value: 3 }, 'very interested'), h('option', { value: -1 }, 'rather not'));
  const add = h('form', {}, field('interest', 'New interest', input), field('weight', 'How much', weight), h('button', { type: 'submit' }, 'Add interest'));
  add.addEventListener('submit', async (event) => {
    event.preventDefault();
    const added = { text: input.value.trim(), weight: Number(weight.value) };
    const others = reader.interests.filter((i) => i.text !== added.text);
    if (await save({ ...reader, interests: [...others, added] }, `${added.text} is added.`)) add.reset();
    input.focus();
  });
  const called = h('input', { maxlength: 100, autocomplete: 'off' });
  const reads = h('input', { maxlength: 80, autocomplete: 'off', placeholder: 'all, or en, zh' });
  const edit = h('form', {}, field('name', 'Name', called), field('languages', 'Languages', reads), h('button', { type: 'submit' }, 'Save'));
  edit.addEventListener('submit', (event) => {
    event.preventDefault();
    const codes = reads.value.split(/[\s,;]+/).filter((c) => c && c !== 'all');
    save({ ...reader, name: called.value.trim(), languages: codes }, 'Saved.');
  });
  const remove = h('button', { type: 'button', onclick: async () => {
    if (!await confirm(`Remove ${name(reader)}?`, 'The interests, the marks and what was learned from clicks go as well.', 'Remove')) return;
    try {
      await api.removeReader(id);
      drop(id);
      show();
      say('reader-message', `${name(reader)} is removed.`);
      $('reader-name').focus();
    } catch (error) {
      say('reader-message', error.message, true);
    }
  } }, 'Remove');
  const element = h('li', { class: 'card', 'data-reader': id }, title, languages, chips, add,
    h('details', {}, h('summary', {}, 'Name and languages'), edit), h('div', { class: 'foot' },
      h('button', { type: 'button', onclick: () => { choose(id); location.hash = matchMedia('(min-width: 62rem)').matches ? '#articles' : '#foryou'; } }, 'Recommendations'),
      h('span', { class: 'outlets' }, h('a', { href: api.outlet(id, 'atom') }, 'Atom', hidden()), ' ', h('a', { href: api.outlet(id, 'json') }, 'JSON', hidden())),
      remove));
  return {
    element, input,
    show(r) {
      const first = !reader;
      reader = r;
      title.textContent = name(r);
      languages.textContent = r.languages?.length ? 'reads ' + r.languages.join(', ') : 'reads all languages';
      remove.setAttribute('aria-label', `Remove the reader ${name(r)}`);
      for (const e of hiddens) e.textContent = ` feed of ${name(r)}'s recommendations`;
      chips.replaceChildren(...r.interests.map((i) => interest(r, i)));
      if (first || !edit.contains(document.activeElement)) {
        called.value = r.name || '';
        reads.value = (r.languages || []).join(', ');
      }
    },
  };
}

function drop(id) {
  readers = readers.filter((r) => r.id !== id);
  cards.get(id)?.element.remove();
  cards.delete(id);
}

// load reads the list.
export async function load() {
  let list;
  try {
    list = await api.readers();
  } catch (error) {
    if (!readers.length) trouble('readers-empty', error, () => load().catch(() => {}));
    throw error;
  }
  for (const id of [...cards.keys()]) if (!list.some((r) => r.id === id)) drop(id);
  readers = list;
  show();
}

export const turnBy = (step) => paged.go(paged.page + step);

// newID makes an id of a name that no reader has.
function newID(text) {
  const base = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 40) || 'reader';
  let id = base;
  for (let n = 2; readers.some((r) => r.id === id); n++) id = `${base}-${n}`;
  return id;
}

$('reader-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = $('reader-name').value.trim(), id = newID(text);
  if (await save({ id, name: text, interests: [] }, `${text} is added: now add interests.`)) {
    event.target.reset();
    choose(id);
    paged.find((r) => r.id === id);
    cards.get(id).input.focus();
  }
});
