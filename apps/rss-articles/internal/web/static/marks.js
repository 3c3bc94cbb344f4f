// What the current reader did with articles: read and judged. The server keeps
// it; here is what is known of it, so that every button shows it at once.
import * as api from './api.js';
import { $, h, svg, announce } from './dom.js';
import { current } from './who.js';

const marks = new Map(); // article -> {read, judged}
const sent = new Set(); // articles that were opened since the reader was chosen
const touched = new Map(); // article -> when it was last changed, here or by an event
const changed = new Map(); // article -> when the reader last changed it here
const held = new Map(); // article -> the newest event that came since
const pause = 2000; // milliseconds after a change in which events may be of what was before it
const settles = 5000; // milliseconds in which a list may come that was read before the change
const listeners = [];

export const of = (article) => marks.get(article) || {};
export const onChange = (f) => listeners.push(f);

// learn takes the marks that came with a list for a reader, but for those that
// were changed a moment ago: the list may have been read before.
export function learn(reader, items, id = (i) => i.id) {
  const now = Date.now();
  for (const i of items) if (now - (touched.get(id(i)) || 0) > settles) set(reader, id(i), i, false);
}

// came is called for a mark that was changed, here or elsewhere. While the
// reader changes an article, events of earlier changes still come: the newest of
// them is the state once nothing is changed any more.
export function came(m) {
  if (m.reader !== current()) return;
  touch(m.article);
  if (!changed.has(m.article)) {
    set(m.reader, m.article, m, true);
    return;
  }
  const waits = held.has(m.article);
  held.set(m.article, m);
  if (!waits) release(m.article);
}

function release(article) {
  const wait = (changed.get(article) || 0) + pause - Date.now();
  if (wait > 0) {
    setTimeout(release, wait, article);
    return;
  }
  const m = held.get(article);
  held.delete(article);
  changed.delete(article);
  if (m) set(m.reader, article, m, true);
}

function touch(article) {
  const now = Date.now();
  touched.set(article, now);
  for (const [id, at] of touched) if (now - at > settles) touched.delete(id);
}

function set(reader, article, { read, judged }, tell) {
  if (reader !== current()) return;
  const old = of(article), mark = { read: Boolean(read), judged: judged || '' };
  if (mark.read || mark.judged) marks.set(article, mark);
  else marks.delete(article);
  if (Boolean(old.read) === mark.read && (old.judged || '') === mark.judged) return;
  show(article);
  if (tell) listeners.forEach((f) => f(article));
}

// forget is for another reader.
export function forget() {
  marks.clear();
  sent.clear();
  touched.clear();
  changed.clear();
  held.clear();
  show();
}

// change shows a mark at once, and takes it back when the server refuses.
async function change(article, mark, send) {
  const reader = current(), before = of(article);
  if (!reader) {
    announce('Choose a reader first');
    return false;
  }
  touch(article);
  changed.set(article, Date.now());
  set(reader, article, { ...before, ...mark }, true);
  try {
    await send(reader);
    return true;
  } catch (error) {
    set(reader, article, before, true);
    announce('Not noted: ' + error.message);
    return false;
  }
}

export const setRead = (article, read) => change(article, { read }, (reader) => api.mark(reader, article, read));
export const flip = (article) => setRead(article, !of(article).read);

// opened notes that an article is read, and lets the matching learn from it once.
export function opened(article) {
  if (!current() || of(article).read || sent.has(article)) return setRead(article, true);
  sent.add(article);
  return change(article, { read: true }, (reader) => api.click(reader, article, 'open'));
}

// judge notes a thumb.
export function judge(article, kind) {
  if (of(article).judged === kind) return;
  announce(kind === 'up' ? 'More like this' : 'Less like this');
  return change(article, { judged: kind }, (reader) => api.click(reader, article, kind));
}

const thumb = 'M7 11v9H4v-9zM7 11l4-8c1.700 0 2.500 1 2.500 2.500V9H19c1.200 0 2 1 1.800 2.200l-1.200 7A2 2 0 0 1 17.600 20H7';
const drawings = { up: thumb, down: thumb, read: 'M4 12.500l5 5L20 6.500' };
const icon = (name) => svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true', class: name }, svg('path', { d: drawings[name] }));

// actions makes the buttons of an article.
export function actions(article) {
  const button = (name, text, act) => h('button', { type: 'button', 'data-act': name, 'data-article': article, onclick: act }, icon(name), h('span', {}, text));
  const box = h('div', { class: 'actions' }, button('up', 'More like this', () => judge(article, 'up')),
    button('down', 'Less', () => judge(article, 'down')), button('read', 'Mark read', () => flip(article)));
  for (const b of box.children) press(b);
  return box;
}

function press(b) {
  const m = of(b.dataset.article);
  b.setAttribute('aria-pressed', String(b.dataset.act === 'read' ? Boolean(m.read) : m.judged === b.dataset.act));
  if (b.dataset.act === 'read') b.lastChild.textContent = m.read ? 'Read' : 'Mark read';
}

// show makes the buttons and titles of an article, or of all, what they are.
export function show(article) {
  const which = article ? `="${CSS.escape(article)}"` : '';
  for (const b of document.querySelectorAll(`[data-act][data-article${which}]`)) press(b);
  for (const e of document.querySelectorAll(`.item[data-id${which}]`)) e.classList.toggle('read', Boolean(of(e.dataset.id).read));
}

export const hiding = () => $('hide-read').checked && Boolean(current());
