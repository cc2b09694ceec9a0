"use strict";
(() => {
  const table = document.getElementById("towns");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const filter = document.getElementById("filter");
  const county = document.getElementById("county");
  const shown = document.getElementById("shown");
  const language = document.documentElement.lang;

  // Sorting: press a heading; again turns it round. Blanks stay last.
  const compareText = new Intl.Collator(language, { numeric: true }).compare;
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const heading = button.closest("th");
    const text = button.dataset.text === "1";
    const first = text ? "ascending" : "descending";
    const turned = first === "ascending" ? "descending" : "ascending";
    const direction = heading.getAttribute("aria-sort") === first ? turned : first;
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const value = (row) => row.cells[heading.cellIndex].dataset.value;
    rows.sort((a, b) => {
      const [one, two] = [value(a), value(b)];
      if (one === "" || two === "") return (one === "") - (two === "");
      return sign * (text ? compareText(one, two) : Number(one) - Number(two));
    });
    body.append(...rows);
  });

  // Filtering by name or number and by county.
  const narrow = () => {
    const words = filter.value.trim().toLocaleLowerCase(language);
    let count = 0;
    for (const row of rows) {
      const place = `${row.cells[0].textContent} ${row.cells[1].textContent}`;
      const hit =
        place.toLocaleLowerCase(language).includes(words) &&
        (county.value === "" || row.dataset.county === county.value);
      row.hidden = !hit;
      count += hit;
    }
    shown.textContent = shown.dataset.text.replace("#", count.toLocaleString(language));
  };
  filter.addEventListener("input", narrow);
  county.addEventListener("change", narrow);

  // The map: numbers on hover and focus, arrow keys to the nearest bubble that way.
  const figure = document.querySelector("figure.map");
  const tip = document.getElementById("tip");
  const bubbles = [...figure.querySelectorAll(".bubble")];
  if (bubbles.length === 0) return;
  const middle = (bubble) => [bubble.cx.baseVal.value, bubble.cy.baseVal.value];
  for (const bubble of bubbles) {
    // The browser's own tip would appear beside ours; the label stays for screen readers.
    bubble.querySelector("title").remove();
  }
  bubbles[0].setAttribute("tabindex", "0");
  const tell = (bubble) => {
    tip.textContent = bubble.getAttribute("aria-label");
    tip.hidden = false;
    const at = bubble.getBoundingClientRect();
    const frame = figure.getBoundingClientRect();
    const left = at.left + at.width / 2 - frame.left + 12;
    const fits = left + tip.offsetWidth < frame.width;
    tip.style.left = `${Math.max(0, fits ? left : left - tip.offsetWidth - 24)}px`;
    tip.style.top = `${at.bottom - frame.top + 6}px`;
  };
  const hush = () => {
    tip.hidden = true;
  };
  const choose = (bubble) => {
    for (const other of bubbles) other.setAttribute("tabindex", "-1");
    bubble.setAttribute("tabindex", "0");
    bubble.focus({ preventScroll: false });
  };
  const toRow = (bubble) => {
    const row = document.getElementById(`m-${bubble.dataset.id}`);
    filter.value = "";
    county.value = "";
    narrow();
    for (const other of rows) other.classList.remove("found");
    row.classList.add("found");
    row.tabIndex = -1;
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
  };
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const nearest = (bubble, [right, down]) => {
    const [x, y] = middle(bubble);
    let best = null;
    let least = Infinity;
    for (const other of bubbles) {
      if (other === bubble) continue;
      const [across, along] = [middle(other)[0] - x, middle(other)[1] - y];
      const ahead = across * right + along * down;
      const aside = Math.abs(across * down + along * right);
      // Within a quarter turn of the way, and rather straight ahead than aside.
      if (ahead <= 0 || aside > ahead) continue;
      const cost = ahead + 2 * aside;
      if (cost < least) [best, least] = [other, cost];
    }
    return best;
  };
  figure.addEventListener("keydown", (event) => {
    const bubble = event.target.closest(".bubble");
    if (!bubble) return;
    if (event.key in ways) {
      event.preventDefault();
      const next = nearest(bubble, ways[event.key]);
      if (next) choose(next);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toRow(bubble);
    } else if (event.key === "Escape") {
      hush();
    }
  });
  figure.addEventListener("pointerover", (event) => {
    const bubble = event.target.closest(".bubble");
    if (bubble) tell(bubble);
    else hush();
  });
  figure.addEventListener("pointerleave", hush);
  figure.addEventListener("focusin", (event) => {
    const bubble = event.target.closest(".bubble");
    if (bubble) tell(bubble);
  });
  figure.addEventListener("focusout", hush);
  figure.addEventListener("click", (event) => {
    const bubble = event.target.closest(".bubble");
    if (bubble) toRow(bubble);
  });
})();
