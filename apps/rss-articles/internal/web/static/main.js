// The page: shows one view at a time and keeps all of them up to date.
import * as articles from './articles.js';
import * as feeds from './feeds.js';
import * as readers from './readers.js';
import * as shelf from './shelf.js';
import * as topology from './topology.js';
import './keys.js';
import { $, refreshTimes } from './dom.js';
import { mark } from './judge.js';
import { current, onChange } from './who.js';

const views = ['articles', 'foryou', 'feeds', 'readers', 'topology'];

function show() {
  const wanted = location.hash.slice(1);
  if (wanted && !views.includes(wanted)) return; // a place in the page, such as that of the skip link
  const view = wanted || 'articles';
  document.body.dataset.view = view;
  for (const a of document.querySelectorAll('nav a')) {
    if (a.hash === '#' + view) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  if (view === 'topology') soon(topology.load);
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
  on('article', articles.came);
  on('gone', (gone) => articles.gone(gone.id));
  on('shelf', (changed) => { if (changed.reader === current()) soon(shelf.load); });
  on('feeds', () => soon(feeds.load));
  on('readers', () => soon(readers.load));
  live.addEventListener('error', () => {
    connection('lost', 'reconnecting');
    if (live.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
  });
}

onChange(() => {
  mark();
  soon(shelf.load);
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
