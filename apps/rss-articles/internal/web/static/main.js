// The page: shows one view at a time and keeps all of them up to date.
import * as articles from './articles.js';
import * as feeds from './feeds.js';
import * as marks from './marks.js';
import * as read from './read.js';
import * as readers from './readers.js';
import * as search from './search.js';
import * as shelf from './shelf.js';
import * as topology from './topology.js';
import './keys.js';
import './switch.js';
import { $, refreshTimes } from './dom.js';
import { parse } from './route.js';
import { current, onChange } from './who.js';

const titles = { articles: 'Articles', foryou: 'For you', read: 'Article', search: 'Search', feeds: 'Feeds', readers: 'Readers', topology: 'Topology' };
let last = '#articles'; // the fragment of the list that was shown last
let scroll = 0; // and how far it was scrolled when an article was opened

function show() {
  const to = parse(location.hash);
  if (!to) return; // a place in the page, such as that of the skip link
  const from = document.body.dataset.view;
  if (from !== 'read' && to.view === 'read') {
    scroll = window.scrollY;
    read.from();
  }
  document.body.dataset.view = to.view;
  $('page-title').textContent = titles[to.view];
  document.title = `${titles[to.view]} – RSS articles`;
  for (const a of document.querySelectorAll('nav a')) {
    if (a.hash === '#' + to.view) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  if (to.view === 'read') {
    $('read-back').hash = last;
    window.scrollTo({ top: 0 });
    read.open(to.what);
    return;
  }
  const back = from === 'read' && (location.hash || '#articles') === last;
  const was = read.article();
  read.close();
  last = location.hash || '#articles';
  if (to.view !== 'search') $('search-text').value = '';
  if (to.view === 'topology') soon(topology.load);
  if (to.view === 'search') search.open(to.text, to.offset);
  if (back) {
    window.scrollTo({ top: scroll });
    read.returned(was);
  } else if (from !== to.view) window.scrollTo({ top: 0 });
}

// soon runs a reader of the server a moment later, once for many calls, and one
// run after the other; what fails is read again with the next connection.
const jobs = new Map();
function soon(job) {
  const j = jobs.get(job) || {};
  jobs.set(job, j);
  if (j.queued) return;
  j.queued = true;
  j.running = (j.running || Promise.resolve()).then(() => new Promise((done) => setTimeout(done, 60))).then(() => {
    j.queued = false;
    return job();
  }).catch((error) => console.warn(error.message));
}

function connection(state, text) {
  $('connection').dataset.state = state;
  $('connection').textContent = text;
}

// connect opens the stream of events. The browser opens it again when it breaks,
// but not when the server refuses it for a while.
let live;
function connect() {
  live = new EventSource('/v1/events');
  const on = (name, f) => live.addEventListener(name, (e) => f(JSON.parse(e.data)));
  on('hello', () => {
    connection('live', 'live');
    for (const job of [readers.load, articles.load, shelf.load, feeds.load]) soon(job);
  });
  on('article', (a) => {
    articles.came(a);
    if (search.concerns(a.id)) soon(search.again);
    if (read.article() === a.id) soon(read.again);
  });
  on('gone', ({ id }) => {
    articles.gone(id);
    if (search.concerns(id)) soon(search.again);
  });
  on('shelf', (changed) => { if (changed.reader === current()) soon(shelf.load); });
  on('feeds', () => soon(feeds.load));
  on('readers', () => soon(readers.load));
  on('mark', marks.came);
  live.addEventListener('error', () => {
    connection('lost', 'reconnecting');
    if (live.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
  });
}

articles.onStale(() => soon(articles.load));
shelf.onStale(() => soon(shelf.load));
onChange(() => {
  marks.forget();
  articles.restart();
  soon(shelf.load);
  if (document.body.dataset.view === 'search') search.again();
});
window.addEventListener('hashchange', show);
window.addEventListener('pagehide', () => live.close());
window.addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });
setInterval(() => {
  refreshTimes();
  if (document.body.dataset.view === 'topology' && !document.hidden) soon(topology.load);
}, 10000);
show();
connect();
