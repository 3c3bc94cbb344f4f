// The reading view: one article, with all that is known of it.
import * as api from './api.js';
import { $, h, href, link, plural, when, trouble } from './dom.js';
import { content } from './content.js';
import { copies, meta, reasons } from './item.js';
import * as marks from './marks.js';
import { reading } from './route.js';
import * as shelf from './shelf.js';
import { current } from './who.js';

let id = '';
let going = ''; // the article that the address is on already, and the view is not
let address = '';
let around = []; // the articles of the list from which it was opened
let shown = ''; // the article whose pictures were asked for
let place = ''; // that list

export const article = () => id;
export const url = () => address;

function render(a) {
  address = a.url;
  const lang = a.lang || undefined;
  const title = $('read-title');
  title.textContent = a.title || a.url;
  title.lang = a.lang || '';
  document.title = `${a.title || a.url} – RSS articles`;
  const why = shelf.why(a.id);
  $('read-body').replaceChildren(...[
    meta(a),
    why && h('div', { class: 'why' }, h('p', {}, 'Recommended because of'), reasons(why)),
    h('div', { class: 'prose', lang }, content(a.content)),
    pictures(a),
    h('p', { class: 'out' }, href(a.url) ? link(a.url, 'Read it where it was published ↗', { class: 'button', id: 'read-out' })
      : 'Its feed does not say where it was published.'),
    marks.actions(a.id),
    copies(a.copies, 20),
    h('p', { class: 'quiet seen' }, 'Seen here ', when(a.first_seen), '.')].filter(Boolean));
}

// pictures is a button that shows them: until then nothing is loaded. They come
// from our server, which fetches them.
function pictures(a) {
  const list = a.pictures || [];
  if (!list.length) return null;
  const here = h('div', { class: 'pictures' });
  const show = () => {
    shown = a.id;
    here.replaceChildren(...list.map((p, n) => picture(a.id, n, p.alt)));
  };
  if (shown === a.id) show();
  else here.append(h('button', { type: 'button', id: 'read-pictures', onclick: () => { show(); here.tabIndex = -1; here.focus(); } },
    `Show ${plural(list.length, 'picture')}`));
  return here;
}

function picture(id, n, alt) {
  const failed = () => figure.replaceChildren(h('p', { class: 'quiet' }, `A picture cannot be shown${alt ? `: ${alt}` : '.'}`));
  const figure = h('figure', {}, h('img', { src: `/v1/articles/${encodeURIComponent(id)}/pictures/${n}`, alt: alt || '', onerror: failed }),
    alt && h('figcaption', {}, alt));
  return figure;
}

// open shows an article, and notes that it is read.
export async function open(wanted) {
  id = wanted;
  going = address = shown = '';
  const reader = current(), at = around.indexOf(wanted);
  $('read-previous').disabled = at <= 0;
  $('read-next').disabled = at < 0 || at === around.length - 1;
  $('read-title').textContent = 'Loading …';
  $('read-body').replaceChildren();
  try {
    const a = await api.article(wanted, reader);
    if (id !== wanted) return;
    if (reader) marks.learn(reader, [a]);
    render(a);
    $('read-title').focus({ preventScroll: true });
    if (reader === current()) marks.opened(a.id);
  } catch (error) {
    if (id !== wanted) return;
    const gone = error.status === 404;
    $('read-title').textContent = gone ? 'This article is not here any more' : 'Article';
    $('read-body').replaceChildren(h('p', { id: 'read-empty', class: 'empty' }, gone ? 'It may have become a copy of another, or be out of date.' : ''));
    if (!gone) trouble('read-empty', error, () => open(wanted));
    $('read-title').focus({ preventScroll: true });
  }
}

// again reads what is shown anew: it was changed, or has more copies.
export async function again() {
  const wanted = id;
  const a = await api.article(wanted, current());
  const focused = document.activeElement?.closest?.('#read-body') && document.activeElement.dataset.act;
  if (id !== wanted) return;
  render(a);
  if (focused) $('read-body').querySelector(`[data-act=${focused}]`).focus();
}

export function close() {
  id = going = address = '';
}

// from notes the list from which an article is about to be opened.
export function from() {
  const list = document.activeElement?.closest?.('.items');
  place = list?.id || '';
  around = list ? [...list.children].map((e) => e.dataset.id) : [];
}

// beside goes to the next or the previous article of that list, from where the last
// key is leading to: the view follows the address later.
export function beside(step) {
  const from = going || id;
  const at = around.indexOf(from) + step;
  if (!around.includes(from) || at < 0 || at >= around.length) return;
  going = around[at];
  location.replace(reading(going));
}

// returned gives the focus back to the article in its list, or to where it was
// if what is read is hidden.
export function returned(was) {
  const list = $(place);
  if (!list) return;
  const visible = (i) => list.querySelector(`[data-id="${CSS.escape(i)}"] .open`);
  const at = around.indexOf(was);
  const title = [was, ...around.slice(at + 1), ...around.slice(0, Math.max(0, at)).reverse()].map(visible).find((e) => e?.checkVisibility());
  title?.focus({ preventScroll: true });
  title?.closest('.item').scrollIntoView({ block: 'nearest' });
}

$('read-previous').addEventListener('click', () => beside(-1));
$('read-next').addEventListener('click', () => beside(1));
