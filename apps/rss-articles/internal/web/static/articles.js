// The list of unique articles, newest first, with their copies under them.
import * as api from './api.js';
import { $, h, link, when, plural, announce } from './dom.js';
import { actions, opened } from './judge.js';

const list = $('latest');
const elements = new Map(); // id -> element
const items = new Map(); // id -> article
let waiting = new Map(); // came while somebody reads further down
let next = '';
let total = 0;

// order is that of the server: seen last first, then published last.
function order(a, b) {
  return Date.parse(b.first_seen) - Date.parse(a.first_seen) || Date.parse(b.published) - Date.parse(a.published) || (a.id < b.id ? -1 : 1);
}

function render(a) {
  const copies = a.copies || [];
  const title = link(a.url, a.title || a.url, { class: 'open', lang: a.lang || undefined, onclick: () => opened(a.id) });
  return h('li', { class: 'item', 'data-id': a.id },
    h('h3', {}, title),
    h('p', { class: 'meta' },
      h('span', {}, a.feed_title || host(a.feed)), when(a.published), a.author && h('span', {}, a.author),
      a.tags?.length && h('span', {}, a.tags.slice(0, 4).join(', ')), a.updated && h('span', {}, 'updated ', when(a.updated))),
    a.excerpt && h('p', { class: 'excerpt', lang: a.lang || undefined }, a.excerpt),
    copies.length > 0 && h('div', { class: 'copies' },
      h('p', {}, `Also published ${copies.length === 1 ? 'once' : copies.length + ' times'}:`),
      h('ul', {}, copies.slice(-5).map((c) => h('li', {},
        link(c.url, c.title || c.url), h('span', {}, ` ${c.feed_title || host(c.feed)}`, c.similarity > 0 && ` · ${Math.round(c.similarity * 100)} % alike`))))),
    actions(a.id));
}

function host(address) {
  try {
    return new URL(address).host;
  } catch {
    return address || '';
  }
}

// show puts an article where it belongs.
function show(a, fresh) {
  items.set(a.id, a);
  const old = elements.get(a.id);
  const e = render(a);
  elements.set(a.id, e);
  if (old) {
    const focused = old.contains(document.activeElement);
    old.replaceWith(e);
    if (focused) e.querySelector('.open').focus();
    return;
  }
  if (fresh) e.classList.add('fresh');
  const after = [...list.children].find((c) => order(a, items.get(c.dataset.id)) < 0);
  list.insertBefore(e, after || null);
}

function counts() {
  $('latest-empty').hidden = elements.size > 0;
  $('total').textContent = total ? plural(total, 'article') : '';
  $('more').hidden = !next;
  $('pending').hidden = waiting.size === 0;
  $('pending').textContent = plural(waiting.size, 'new article');
}

// load reads the newest page anew, after a start or a lost connection.
export async function load() {
  const page = await api.articles();
  list.replaceChildren();
  elements.clear();
  items.clear();
  waiting.clear();
  for (const a of page.items) show(a, false);
  next = page.next || '';
  total = page.total;
  counts();
}

// came is called for an article that is new or was changed.
export function came(a) {
  const known = elements.has(a.id);
  if (!known && !waiting.has(a.id)) total++;
  const oldest = list.lastElementChild && items.get(list.lastElementChild.dataset.id);
  if (known) show(a, false);
  else if (next && oldest && order(a, oldest) > 0) { /* belongs on a page that is not shown */ }
  else if (reading()) waiting.set(a.id, a);
  else show(a, true);
  if (!known) announce(plural(total, 'article') + ' in the list');
  counts();
}

export function gone(id) {
  if (elements.has(id) || waiting.has(id)) total = Math.max(0, total - 1);
  elements.get(id)?.remove();
  elements.delete(id);
  items.delete(id);
  waiting.delete(id);
  counts();
}

// reading says whether something that appears above would be in the way.
function reading() {
  return document.body.dataset.view === 'articles' && (window.scrollY > 120 || list.contains(document.activeElement));
}

$('pending').addEventListener('click', () => {
  const all = waiting;
  waiting = new Map();
  for (const a of all.values()) show(a, true);
  counts();
  window.scrollTo({ top: 0 });
  list.querySelector('.open')?.focus();
});

$('more').addEventListener('click', async () => {
  const page = await api.articles(next);
  const first = page.items[0];
  for (const a of page.items) show(a, false);
  next = page.next || '';
  counts();
  if (first) elements.get(first.id).querySelector('.open').focus();
});
