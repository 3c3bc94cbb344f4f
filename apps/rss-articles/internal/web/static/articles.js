// The unique articles, newest first, a page at a time.
import * as api from './api.js';
import { $, arrange, plural, announce, trouble } from './dom.js';
import { item } from './item.js';
import * as marks from './marks.js';
import * as pages from './pages.js';
import { toggle } from './prefs.js';
import { current } from './who.js';

const list = $('latest');
let shown = new Map(); // id -> {article, element}
let starts = ['']; // where the pages up to this one begin
let next = '';
let total = 0;
let waiting = new Set(); // came while somebody reads further down
let again = () => {};

// onStale says what to call when the page is to be read anew.
export const onStale = (f) => { again = f; };

function element(a) {
  const old = shown.get(a.id);
  return old && JSON.stringify(old.article) === JSON.stringify(a) ? old.element : item(a);
}

function counts() {
  const empty = shown.size === 0;
  $('latest-empty').hidden = !empty;
  if (empty) $('latest-empty').replaceChildren(marks.hiding() && total ? 'All is read.' : 'Waiting for the first articles …');
  $('total').textContent = total ? plural(total, 'article') : '';
  $('pending').hidden = waiting.size === 0;
  $('pending').textContent = plural(waiting.size, 'new article');
  pages.show('latest-pages', `Page ${starts.length}`, starts.length > 1 ? () => turn(starts.slice(0, -1)) : null, next ? () => turn([...starts, next]) : null);
}

// load reads the page anew that is shown.
export async function load() {
  const reader = current(), from = starts;
  let page;
  try {
    page = await api.articles(reader, marks.hiding(), from.at(-1));
  } catch (error) {
    trouble('latest-empty', error, () => again());
    throw error;
  }
  if (reader !== current() || from !== starts) return; // something else is wanted by now
  marks.learn(reader, page.items);
  const before = shown;
  const elements = page.items.map(element);
  shown = new Map(page.items.map((a, i) => [a.id, { article: a, element: elements[i] }]));
  for (const a of page.items) {
    waiting.delete(a.id);
    if (before.size && starts.length === 1 && !before.has(a.id)) shown.get(a.id).element.classList.add('fresh');
  }
  if (starts.length === 1) waiting.clear();
  arrange(list, elements);
  next = page.next || '';
  total = page.total;
  counts();
}

async function turn(to) {
  starts = to;
  shown = new Map();
  await load().catch(() => {});
  $('latest-section').scrollIntoView({ block: 'start' });
  list.querySelector('.open')?.focus({ preventScroll: true });
}

// turnBy goes on or back, if there is a page.
export function turnBy(step) {
  if (step > 0 && next) turn([...starts, next]);
  if (step < 0 && starts.length > 1) turn(starts.slice(0, -1));
}

// restart goes back to the newest, for another reader or other wishes.
export function restart() {
  starts = [''];
  shown = new Map();
  waiting.clear();
  again();
}

// came is called for an article that is new or was changed.
export function came(a) {
  if (shown.has(a.id) || (starts.length === 1 && !reading())) return again();
  waiting.add(a.id);
  announce('New articles wait');
  counts();
}

export function gone(id) {
  waiting.delete(id);
  if (shown.has(id)) again();
  else counts();
}

// reading says whether something that appears above would be in the way.
function reading() {
  return !list.checkVisibility() || window.scrollY > 120 || list.contains(document.activeElement);
}

$('pending').addEventListener('click', () => {
  waiting.clear();
  turn(['']);
});

// What becomes read goes, when what is read is hidden; the focus goes on to what follows.
marks.onChange((id) => {
  const e = shown.get(id)?.element;
  if (!e || !marks.hiding() || !marks.of(id).read) return;
  const after = e.nextElementSibling || e.previousElementSibling;
  const focused = e.contains(document.activeElement);
  shown.delete(id);
  e.remove();
  if (focused) (after?.querySelector('.open') || $('hide-read')).focus();
  if (shown.size === 0) again();
  counts();
});

toggle($('hide-read'), 'hide-read', false, restart);
