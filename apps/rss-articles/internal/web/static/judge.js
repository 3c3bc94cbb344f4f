// What a reader does with an article: opening and judging it.
import * as api from './api.js';
import { h, announce } from './dom.js';
import { current } from './who.js';

const judged = new Map(); // reader and article -> up or down, for as long as the page is open

const place = (article) => current() + '\n' + article;

async function send(article, kind) {
  if (!current()) return;
  try {
    await api.click(current(), article, kind);
  } catch (error) {
    announce('Not noted: ' + error.message);
  }
}

export const opened = (article) => send(article, 'open');

// judge notes a thumb, once.
export function judge(article, kind) {
  if (judged.get(place(article)) === kind) return;
  judged.set(place(article), kind);
  mark();
  announce(kind === 'up' ? 'More like this' : 'Less like this');
  return send(article, kind);
}

// actions makes the two buttons of an article.
export function actions(article) {
  const button = (kind, sign, text) => h('button', { type: 'button', 'data-judge': kind, 'data-article': article,
    'aria-pressed': String(judged.get(place(article)) === kind), onclick: () => judge(article, kind) },
  h('span', { 'aria-hidden': 'true' }, sign), text);
  return h('div', { class: 'actions' }, button('up', '+', 'More like this'), button('down', '−', 'Less'));
}

// mark shows on all buttons what the current reader said.
export function mark() {
  for (const b of document.querySelectorAll('[data-judge]')) {
    b.setAttribute('aria-pressed', String(judged.get(place(b.dataset.article)) === b.dataset.judge));
  }
}
