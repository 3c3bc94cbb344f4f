// What a reader is recommended, and why.
import * as api from './api.js';
import { $, h, arrange, trouble } from './dom.js';
import { item } from './item.js';
import * as marks from './marks.js';
import { Paged } from './pages.js';
import { current, currentName } from './who.js';

let whose = '';
let all = []; // the recommendations
let reasonsOf = new Map(); // article -> its reasons
let shown = new Map(); // article -> {text, element}
let fresh = new Set(); // that came with the last change
const mostReasons = 500;
let again = () => {};

export const onStale = (f) => { again = f; };

// why returns the reasons for which an article is recommended, or was: what is
// read leaves the recommendations, often while it is being read.
export const why = (article) => reasonsOf.get(article);

const paged = new Paged('shelf-pages', 10, (items) => {
  const before = shown;
  shown = new Map();
  for (const r of items) {
    // The time of the article and its score change the text; the marks do not.
    const text = JSON.stringify([r.title, r.published, r.excerpt, (r.reasons || []).map((x) => [x.term, x.source, x.score < 0])]);
    const old = before.get(r.article);
    const element = old?.text === text ? old.element : item({ ...r, id: r.article, excerpt: '' }, { why: r.reasons });
    if (!old && fresh.has(r.article)) element.classList.add('fresh');
    shown.set(r.article, { text, element });
  }
  arrange($('shelf'), [...shown.values()].map((s) => s.element));
});

function outlets(reader) {
  $('shelf-feeds').hidden = !reader;
  for (const e of document.head.querySelectorAll('link[rel=alternate]')) e.remove();
  if (!reader) return;
  for (const [id, format, type] of [['shelf-atom', 'atom', 'application/atom+xml'], ['shelf-json', 'json', 'application/feed+json']]) {
    $(id).href = api.outlet(reader, format);
    document.head.append(h('link', { rel: 'alternate', type, title: `Recommended for ${currentName()}`, href: api.outlet(reader, format) }));
  }
}

// wanted leaves out what is read, if that is to be hidden.
const wanted = () => all.filter((r) => !(marks.hiding() && marks.of(r.article).read));

function show() {
  const items = wanted();
  paged.set(items);
  $('shelf-empty').hidden = items.length > 0;
  $('shelf-empty').textContent = !whose ? 'Add a reader to get recommendations.'
    : all.length ? 'All is read.' : 'Nothing yet: no article matches the interests.';
}

// load reads the shelf of the current reader, and says what changed.
export async function load() {
  const reader = current();
  $('shelf-title').textContent = reader ? `For ${currentName()}` : 'For you';
  if (reader !== whose) { // what is there is somebody else's
    $('shelf-changed').replaceChildren();
    all = [];
    reasonsOf = new Map();
    paged.page = 0;
    paged.set(all);
    $('shelf-empty').hidden = false;
    $('shelf-empty').replaceChildren('Loading …');
  }
  outlets(reader);
  let items = [];
  if (reader) {
    try {
      ({ items } = await api.shelf(reader));
    } catch (error) {
      if (error.status === 404) return; // a reader that is not there yet, or no more
      trouble('shelf-empty', error, () => again());
      throw error;
    }
    if (reader !== current()) return; // another was chosen meanwhile
    marks.learn(reader, items, (r) => r.article);
  }
  const old = new Set(all.map((r) => r.article)), now = new Set(items.map((r) => r.article));
  const came = items.filter((r) => !old.has(r.article)), went = all.filter((r) => !now.has(r.article));
  fresh = new Set(reader === whose ? came.map((r) => r.article) : []);
  if (reader === whose && came.length + went.length > 0) changed(came, went);
  whose = reader;
  all = items;
  for (const r of items) reasonsOf.set(r.article, r.reasons);
  for (const id of reasonsOf.keys()) { // the oldest go first
    if (reasonsOf.size <= mostReasons) break;
    reasonsOf.delete(id);
  }
  show();
}

// changed says what a click, a thumb or a new article did to the list.
function changed(came, went) {
  const text = [came.length && `${came.length} new`, went.length && `${went.length} gone`].filter(Boolean).join(', ');
  const best = came.flatMap((r) => r.reasons || []).filter((r) => r.score > 0 && r.source === 'click').map((r) => r.term);
  const terms = [...new Set(best)].slice(0, 3).join(', ');
  $('shelf-changed').textContent = `Changed: ${text}${terms ? ` (because of ${terms})` : ''}`;
}

marks.onChange(() => { if (marks.hiding()) show(); });
$('hide-read').addEventListener('change', show);
export const turnBy = (step) => paged.go(paged.page + step);
