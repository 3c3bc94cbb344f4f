// The subscriptions with their health.
import * as api from './api.js';
import { $, h, when, plural, say } from './dom.js';

const words = { new: 'not fetched yet', ok: 'working', failing: 'failing', gone: 'gone for good' };

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

async function remove(f) {
  try {
    await api.removeFeed(f.url);
    document.querySelector(`#feeds [data-url="${CSS.escape(f.url)}"]`)?.remove();
    say('feed-message', `${f.title || f.url} is removed. Its articles stay.`);
    $('feed-url').focus();
  } catch (error) {
    say('feed-message', error.message, true);
  }
}

// load reads the list. A button that has the focus keeps it.
export async function load() {
  const feeds = await api.feeds();
  feeds.sort((a, b) => (a.title || a.url).localeCompare(b.title || b.url));
  const bad = feeds.filter((f) => f.health === 'failing' || f.health === 'gone').length;
  $('feeds-total').textContent = plural(feeds.length, 'feed') + (bad ? `, ${bad} in trouble` : '');
  const focused = document.activeElement?.closest?.('#feeds .card')?.dataset.url;
  $('feeds').replaceChildren(...feeds.map(render));
  if (focused) $('feeds').querySelector(`[data-url="${CSS.escape(focused)}"] button`)?.focus();
}

$('feed-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const url = $('feed-url').value.trim();
  try {
    await api.addFeed(url, $('feed-name').value.trim());
    event.target.reset();
    say('feed-message', `${url} is added; it is fetched in a moment.`);
  } catch (error) {
    say('feed-message', error.message, true);
  }
  $('feed-url').focus();
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
