// A question before something that cannot be taken back.
import { $ } from './dom.js';

// settle answers the question that is open.
let settle = () => {};

// confirm resolves to whether it was answered with yes. The event of a dialog that
// was closed may come when the next question is open: it is no answer to that.
export function confirm(title, text, yes) {
  settle(false);
  const dialog = $('confirm');
  $('confirm-title').textContent = title;
  $('confirm-text').textContent = text;
  $('confirm-yes').textContent = yes;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((done) => {
    const closed = () => { if (!dialog.open) settle(dialog.returnValue === 'yes'); };
    settle = (answer) => {
      dialog.removeEventListener('close', closed);
      settle = () => {};
      done(answer);
    };
    dialog.addEventListener('close', closed);
  });
}
