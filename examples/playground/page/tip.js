/** The note beside a mark of the record. For the eye only: the mark's own label says the same to a screen reader. */

const marginPx = 8;

export function createTip(sheet) {
  const tip = document.getElementById('tip');

  return {
    show(mark) {
      tip.textContent = mark.getAttribute('aria-label');
      tip.hidden = false;
      const area = sheet.parentElement.getBoundingClientRect();
      const at = mark.getBoundingClientRect();
      const centre = at.left + at.width / 2 - area.left;
      const left = Math.min(
        area.width - tip.offsetWidth - marginPx,
        Math.max(marginPx, centre - tip.offsetWidth / 2),
      );
      tip.style.left = `${left}px`;
      tip.style.top = `${at.top - area.top - tip.offsetHeight - marginPx}px`;
    },
    hide() {
      tip.hidden = true;
    },
  };
}
