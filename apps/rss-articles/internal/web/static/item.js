// An article in a list, with what can be done with it.
import { h, link, host, when } from './dom.js';
import { actions, of } from './marks.js';
import { reading } from './route.js';

// marked makes a text with the words that were looked for set off.
function marked(text, words) {
  const forms = (words || []).map((w) => w.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')).filter(Boolean)
    .map((w) => w.replace(/[.*+?^${}()|[\]\\\/]/g, '\\$&'));
  if (!forms.length) return [text];
  return text.split(new RegExp(`(${forms.join('|')})`, 'giu')).map((part, i) => (i % 2 ? h('mark', {}, part) : part));
}

// reasons are the terms that speak for an article, and those against it.
export function reasons(list) {
  if (!list?.length) return null;
  const one = (r) => {
    const click = r.source === 'click';
    return h('li', { class: `reason ${click ? 'click' : 'interest'}${r.score < 0 ? ' less' : ''}`,
      title: `${r.term}: ${click ? 'from what you read and judged' : 'from your interests'}, ${r.score.toFixed(2)}` },
    r.term, ' ', h('small', {}, click ? (r.score < 0 ? 'judged' : 'liked') : 'interest'));
  };
  return h('ul', { class: 'reasons', 'aria-label': 'Recommended because of' }, list.slice(0, 6).map(one));
}

// meta is the line of an article's source and time.
export function meta(a) {
  return h('p', { class: 'meta' }, h('span', { class: 'source' }, a.feed_title || host(a.feed || a.url)), when(a.published),
    a.author && h('span', {}, a.author), a.tags?.length > 0 && h('span', {}, a.tags.slice(0, 4).join(', ')),
    a.updated && h('span', {}, 'updated ', when(a.updated)));
}

// copies is the list of the others that published an article.
export function copies(list, most) {
  if (!list?.length) return null;
  return h('div', { class: 'copies' }, h('p', {}, 'Also in'), h('ul', {}, list.slice(-most).map((c) => h('li', {},
    h('span', {}, c.feed_title || host(c.feed), ': '), link(c.url, c.title || c.url),
    c.similarity > 0 && h('span', {}, ` (${Math.round(c.similarity * 100)} % alike)`)))),
  list.length > most && h('p', {}, `and ${list.length - most} more`));
}

// item makes the entry of an article: of a list, of a search with its words, or
// of the recommendations with their reasons.
export function item(a, { words, why } = {}) {
  const lang = a.lang || undefined;
  return h('li', { class: 'item' + (of(a.id).read ? ' read' : ''), 'data-id': a.id, 'data-url': a.url },
    h('h3', {}, h('a', { class: 'open', href: reading(a.id), lang, onclick: (e) => e.currentTarget.focus() }, marked(a.title || a.url, words))),
    meta(a),
    a.excerpt && h('p', { class: 'excerpt', lang }, marked(a.excerpt, words)),
    why && reasons(why),
    copies(a.copies, 5),
    actions(a.id));
}
