// The keyboard. Enter is the browser's own: the title of an article is a link.
import * as articles from './articles.js';
import * as feeds from './feeds.js';
import * as readers from './readers.js';
import * as search from './search.js';
import * as shelf from './shelf.js';
import { $, h, href } from './dom.js';
import { flip, judge } from './marks.js';
import { toggle } from './prefs.js';
import * as read from './read.js';
import { next as nextTheme } from './switch.js';

const view = () => document.body.dataset.view;
const itemHere = () => document.activeElement?.closest?.('.item');
// here is the article that keys are for: the one that is read, or has the focus.
const here = () => (view() === 'read' ? read.article() : itemHere()?.dataset.id);

function titles() {
  return [...document.querySelectorAll('.items .open')].filter((e) => e.checkVisibility());
}

// walk moves the focus to the next or the previous article.
function walk(step) {
  if (view() === 'read') return read.beside(step);
  const all = titles();
  if (!all.length) return;
  const item = itemHere();
  const at = item ? all.indexOf(item.querySelector('.open')) : -1;
  const to = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
  to.focus({ preventScroll: true });
  to.closest('.item').scrollIntoView({ block: 'nearest' });
}

function original() {
  const to = href(view() === 'read' ? read.url() : itemHere()?.dataset.url);
  if (to) window.open(to, '_blank', 'noopener,noreferrer');
}

function turn(step) {
  const side = document.activeElement?.closest?.('#shelf-section') || view() === 'foryou';
  const what = { articles: side ? shelf : articles, foryou: shelf, search, feeds, readers }[view()];
  what?.turnBy(step);
}

const go = (hash) => () => { location.hash = hash; };
const with_ = (f) => () => { if (here()) f(here()); };

// keys: what is pressed, what it does, and how it is told.
const keys = [
  ['j', () => walk(1), 'next article'],
  ['k', () => walk(-1), 'previous article'],
  ['o', () => { itemHere()?.querySelector('.open').click(); }, 'read the article; Enter as well'],
  ['u', () => { if (view() === 'read') $('read-back').click(); }, 'back to the list; Esc as well'],
  ['v', original, 'open where it was published'],
  ['m', with_(flip), 'mark as read or unread'],
  ['+', with_((id) => judge(id, 'up')), 'more like this'],
  ['-', with_((id) => judge(id, 'down')), 'less like this'],
  ['h', () => $('hide-read').click(), 'hide or show what is read'],
  ['n', () => turn(1), 'next page'],
  ['p', () => turn(-1), 'previous page'],
  ['/', () => { $('search-text').focus(); $('search-text').select(); }, 'search'],
  ['1', go('#articles'), 'articles'],
  ['2', go('#foryou'), 'recommendations'],
  ['3', go('#feeds'), 'feeds'],
  ['4', go('#readers'), 'readers'],
  ['5', go('#topology'), 'topology'],
  ['t', nextTheme, 'colours: as the system, light, dark'],
  ['?', () => $('help').showModal(), 'these keys'],
];
const actions = new Map(keys.map(([key, act]) => [key, act]));

$('help-keys').append(...keys.map(([key, , text]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, text))));
$('help-open').addEventListener('click', () => $('help').showModal());
toggle($('keys-on'), 'keys', true);

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector('dialog[open]')) return;
  const typing = event.target.closest?.('input:not([type=checkbox]), select, textarea');
  if (event.key === 'Escape') {
    if (typing) event.target.blur();
    else if (view() === 'read') $('read-back').click();
    return;
  }
  const act = actions.get(event.key);
  if (typing || !act || !$('keys-on').checked) return;
  event.preventDefault();
  act();
});
