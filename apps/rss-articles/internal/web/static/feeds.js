// The subscriptions with their health.
import * as api from './api.js';
import { $, h, arrange, when, plural, say, trouble } from './dom.js';
import { Paged } from './pages.js';

const words = { new: 'not fetched yet', ok: 'working', failing: 'failing', gone: 'gone for good' };
let feeds = [];
let shown = new Map(); // address -> {text, element}

const paged = new Paged('feeds-pages', 24, (list) => {
  const before = shown;
  shown = new Map(list.map((f) => {
    const text = JSON.stringify(f), old = before.get(f.url);
    return [f.url, old?.text === text ? old : { text, element: render(f) }];
  }));
  arrange($('feeds'), [...shown.values()].map((s) => s.element));
});

function render(f) {
  const title = f.title || f.url;
  return h('li', { class: 'card', 'data-url': f.url },
    h('h3', {}, title),
    f.title && h('p', { class: 'address' }, f.url),
    h('p', { class: `health ${f.health}` }, words[f.health] || f.health, f.failures > 0 && ` (${plural(f.failures, 'failure')})`),
    f.error && h('p', { class: 'error' }, f.error),
    f.location && h('p', { class: 'address' }, 'moved to ' + f.location),
    h('div', { class: 'foot' },
      h('span', {}, plural(f.items, 'item'), f.fetched && ', fetched ', f.fetched && when(f.fetched), f.next && ', next ', f.next && when(f.next)),
      h('button', { type: 'button', 'aria-label': `Remove ${title}`, onclick: () => remove(f) }, 'Remove')));
}

function show() {
  const wanted = $('feed-filter').value.trim().toLowerCase();
  const list = feeds.filter((f) => !wanted || `${f.title}\n${f.url}`.toLowerCase().includes(wanted));
  paged.set(list);
  $('feeds-empty').hidden = list.length > 0;
  $('feeds-empty').replaceChildren(feeds.length ? 'No feed has these words.' : 'No feeds yet: add one by its address, or import a list.');
}

async function remove(f) {
  try {
    await api.removeFeed(f.url);
    feeds = feeds.filter((x) => x.url !== f.url);
    show();
    const undo = h('button', { type: 'button', onclick: () => add(f.url, f.title, 'is subscribed to again.') }, 'Undo');
    say('feed-message', `${f.title || f.url} is removed. Its articles stay.`, false, undo);
    undo.focus();
  } catch (error) {
    say('feed-message', error.message, true);
  }
}

async function add(url, title, text) {
  try {
    await api.addFeed(url, title);
    say('feed-message', `${title || url} ${text}`);
    $('feed-url').focus();
    return true;
  } catch (error) {
    say('feed-message', error.message, true);
    $('feed-url').focus();
    return false;
  }
}

// load reads the list.
export async function load() {
  try {
    feeds = await api.feeds();
  } catch (error) {
    if (!feeds.length) trouble('feeds-empty', error, () => load().catch(() => {}));
    throw error;
  }
  feeds.sort((a, b) => (a.title || a.url).localeCompare(b.title || b.url));
  const bad = feeds.filter((f) => f.health === 'failing' || f.health === 'gone').length;
  $('feeds-total').textContent = plural(feeds.length, 'feed') + (bad ? `, ${bad} in trouble` : '');
  show();
}

export const turnBy = (step) => paged.go(paged.page + step);

$('feed-filter').addEventListener('input', () => {
  paged.page = 0;
  show();
});

$('feed-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const url = $('feed-url').value.trim();
  if (await add(url, $('feed-name').value.trim(), 'is added; it is fetched in a moment.')) event.target.reset();
});

$('opml').addEventListener('change', async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  try {
    const result = await api.importOPML(await file.text());
    say('feed-message', `${plural(result.added, 'feed')} added from ${file.name}, ${result.present} there already` +
      (result.rejected.length ? `; not taken: ${result.rejected.slice(0, 3).join('; ')}` : '.'), result.rejected.length > 0);
  } catch (error) {
    say('feed-message', error.message, true);
  }
  event.target.value = '';
});
