// The keyboard: j and k walk through the articles, + and - judge, 1 to 4 are
// the views. Enter is the browser's own: the title is a link.
import { judge } from './judge.js';

const views = ['#articles', '#feeds', '#readers', '#topology'];

function titles() {
  return [...document.querySelectorAll('.items .open')].filter((e) => e.offsetParent !== null);
}

// walk moves the focus to the next or the previous article.
function walk(step) {
  const all = titles();
  if (!all.length) return;
  const item = document.activeElement?.closest?.('.item');
  const here = item ? all.indexOf(item.querySelector('.open')) : -1;
  const to = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, here + step))];
  to.focus();
  to.closest('.item').scrollIntoView({ block: 'nearest' });
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input, select, textarea')) return;
  const item = document.activeElement?.closest?.('.item');
  switch (event.key) {
    case 'j': walk(1); break;
    case 'k': walk(-1); break;
    case '+': if (item) judge(item.dataset.id, 'up'); break;
    case '-': if (item) judge(item.dataset.id, 'down'); break;
    case '1': case '2': case '3': case '4': location.hash = views[event.key - 1]; break;
    default: return;
  }
  event.preventDefault();
});
