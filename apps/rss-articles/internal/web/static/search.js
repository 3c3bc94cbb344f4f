// The search: a box in the bar, and its results, a page at a time.
import * as api from './api.js';
import { $, arrange, plural, trouble } from './dom.js';
import { item } from './item.js';
import * as marks from './marks.js';
import * as pages from './pages.js';
import { searching } from './route.js';
import { current } from './who.js';

let text = '';
let offset = 0;
let asked = 0;
let next = 0;

// open shows the results of a search from an offset.
export async function open(wanted, from) {
  const another = wanted !== text || from !== offset;
  text = wanted;
  offset = from;
  if ($('search-text') !== document.activeElement) $('search-text').value = text;
  $('search-title').textContent = text ? `Search: ${text}` : 'Search';
  if (another) {
    $('results').replaceChildren();
    $('search-total').textContent = '';
    pages.show('search-pages', '', null, null);
  }
  const number = ++asked, reader = current();
  if (!text) return hint('Words find articles that have all of them; "some words" find them side by side, -word leaves articles out.');
  if (another) hint('Searching …');
  let found;
  try {
    found = await api.search(text, offset, reader);
  } catch (error) {
    if (number !== asked) return;
    if (error.status === 400) return hint(`This cannot be searched for: ${error.message}.`);
    return trouble('search-empty', error, () => open(wanted, from));
  }
  if (number !== asked) return;
  if (reader) marks.learn(reader, found.items);
  arrange($('results'), found.items.map((a) => item(a, { words: found.words })));
  hint(found.items.length ? '' : 'No article has these words.');
  $('search-total').textContent = found.total ? plural(found.total, 'article') : '';
  next = found.next || 0;
  const go = (to) => () => { location.hash = searching(text, to); };
  pages.show('search-pages', `${offset + 1} to ${offset + found.items.length} of ${found.total.toLocaleString('en')}`,
    offset > 0 ? go(Math.max(0, offset - api.found)) : null, next ? go(next) : null);
  if (another && from > 0) $('search-title').focus();
}

function hint(words) {
  $('search-empty').hidden = !words;
  $('search-empty').replaceChildren(words);
}

// again reads what is shown anew, for another reader.
export const again = () => open(text, offset);

// concerns says whether a change of an article may change what is shown.
export const concerns = (id) => Boolean(text) && document.body.dataset.view === 'search' &&
  ($('results').children.length < api.found || Boolean($('results').querySelector(`[data-id="${CSS.escape(id)}"]`)));

export function turnBy(step) {
  if (step > 0 && next) location.hash = searching(text, next);
  if (step < 0 && offset > 0) location.hash = searching(text, Math.max(0, offset - api.found));
}

$('search-form').addEventListener('submit', (event) => {
  event.preventDefault();
  location.hash = searching($('search-text').value.trim());
});
