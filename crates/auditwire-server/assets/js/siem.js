// The list of connections: buttons that fit the selection, and rows that come and go. The check: how many events a time means.
{
  const boxes = (root) => all("tbody input[type=checkbox]", root);

  const fit = (root) => {
    const rows = boxes(root).filter((box) => box.checked).map((box) => box.closest("tr"));
    const active = rows.filter((row) => !row.querySelector(".status.inactive"));
    const hint = root.querySelector("#selection-hint");
    const fits = { start: rows.length === 1 && !active.length, stop: active.length > 0, delete: rows.length > 0 };
    for (const button of all("[data-needs]", root)) button.disabled = !fits[button.dataset.needs];
    const said = [rows.length ? `${hint.dataset.count} ${rows.length}.` : hint.dataset.none];
    if (rows.length > 1) said.push(hint.dataset.startOne);
    if (rows.length === 1 && active.length) said.push(hint.dataset.startActive);
    if (rows.length > 1 && !active.length) said.push(hint.dataset.stop);
    if (hint.textContent !== said.join(" ")) hint.textContent = said.join(" ");
    for (const box of all("[data-select-all]", root)) {
      box.checked = rows.length > 0 && rows.length === boxes(root).length;
      box.indeterminate = rows.length > 0 && !box.checked;
    }
  };

  each("[data-connections]", (root) => {
    root.addEventListener("change", (event) => {
      if (event.target.matches("[data-select-all]")) for (const box of boxes(root)) box.checked = event.target.checked;
      fit(root);
    });
    // What others created or deleted meanwhile.
    document.addEventListener("refreshed", ({ detail: fresh }) => {
      if (!root.isConnected) return;
      const body = root.querySelector("tbody");
      const rows = all("[data-connections] tbody > tr", fresh);
      if (!rows.length) return location.reload();
      const ids = new Set(rows.map((row) => row.id));
      for (const row of Array.from(body.rows)) if (!ids.has(row.id)) row.remove();
      rows.forEach((row, at) => {
        if (document.getElementById(row.id)) return;
        const added = document.importNode(row, true);
        body.insertBefore(added, body.rows[at] || null);
        begun(added);
      });
      fit(root);
    });
    // A browser that comes back to the page may have kept the checks.
    addEventListener("pageshow", () => fit(root));
    fit(root);
  });

  // Counts what the typed time means, as soon as it is whole.
  let asked = 0;
  const count = async (field) => {
    const form = field.closest("form");
    const said = form.querySelector("#f-start-from-sends");
    const mine = ++asked;
    if (!field.value) return said.replaceChildren();
    const query = new URLSearchParams({ start: "from", from: field.value });
    const { response, body } = await fragment(`${form.dataset.count}?${query}`);
    const fresh = body.querySelector("#f-start-from-sends");
    if (mine === asked && response.ok && fresh) fill(said, fresh);
  };
  let waits;
  on("input", "#f-from", (event, field) => {
    field.closest("form").querySelector("#f-start-from").checked = true;
    clearTimeout(waits);
    waits = setTimeout(() => count(field), 300);
  });
  on("change", "#f-start-from", (event, radio) => count(radio.closest("form").querySelector("#f-from")));
  // With script the number comes by itself; without the button, Enter in the field activates.
  each("[data-count] button[name=count]", (button) => button.remove());

  // A second click would activate twice.
  on("submit", "form[data-count]", (event, form) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
  });
}
