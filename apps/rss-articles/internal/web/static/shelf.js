// What a reader is recommended, and why.
import * as api from './api.js';
import { $, h, link, when, plural, announce } from './dom.js';
import { actions, opened } from './judge.js';
import { current } from './who.js';

let last = '';

function reason(r) {
  const from = r.source === 'click' ? 'from what you opened' : 'from your interests';
  return h('li', { class: `reason ${r.source === 'click' ? 'click' : 'interest'}${r.score < 0 ? ' less' : ''}`, title: `${r.term}: ${from}, ${r.score.toFixed(2)}` },
    r.term, ' ', h('small', {}, r.source === 'click' ? 'click' : 'interest'));
}

function render(item) {
  return h('li', { class: 'item', 'data-id': item.article },
    h('h3', {}, link(item.url, item.title || item.url, { class: 'open', onclick: () => opened(item.article) })),
    h('p', { class: 'meta' }, when(item.published), h('span', {}, `score ${item.score.toFixed(2)}`)),
    h('ul', { class: 'reasons', 'aria-label': 'Recommended because of' }, (item.reasons || []).slice(0, 6).map(reason)),
    actions(item.article));
}

// load reads the shelf of the current reader and shows it if it is another.
export async function load() {
  const reader = current();
  const chosen = $('reader').selectedOptions[0];
  $('shelf-title').textContent = chosen ? `For ${chosen.textContent}` : 'For you';
  if (!reader) {
    last = '';
    $('shelf').replaceChildren();
    $('shelf-empty').textContent = 'Add a reader to get recommendations.';
    return;
  }
  const shelf = await api.shelf(reader);
  if (reader !== current()) return; // another was chosen meanwhile
  const items = shelf.items || [];
  const text = reader + JSON.stringify(items);
  if (text === last) return;
  const focused = document.activeElement?.closest?.('#shelf .item')?.dataset.id;
  $('shelf').replaceChildren(...items.map(render));
  $('shelf-empty').textContent = items.length ? '' : 'Nothing yet: no article matches the interests.';
  if (focused) $('shelf').querySelector(`[data-id="${CSS.escape(focused)}"] .open`)?.focus();
  if (last) announce(`${plural(items.length, 'recommendation')} for ${chosen.textContent}`);
  last = text;
}
