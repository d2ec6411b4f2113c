// An element with data-refresh="URL" shows what changes at the server: its parts with data-live (and an id) are replaced when their
// text differs. What the visitor has focused, checked or opened stays as it is. data-every: milliseconds, 2000 if absent.
each("[data-refresh]", (root) => {
  const every = Number(root.dataset.every || 2000);
  const step = async () => {
    if (!root.isConnected) return;
    if (!document.hidden) {
      try {
        const { response, body } = await fragment(root.dataset.refresh || location.href);
        if (response.ok && root.isConnected) update(body);
      } catch {
        // The service does not answer; the next round tries again.
      }
    }
    // `data-refresh` goes when there is nothing more to wait for.
    if (root.dataset.refresh !== undefined) setTimeout(step, every);
  };
  const update = (body) => {
    for (const fresh of all("[data-live]", body)) {
      const shown = document.getElementById(fresh.id);
      if (!shown || shown.innerHTML === fresh.innerHTML || shown.contains(document.activeElement)) continue;
      fill(shown, fresh);
      shown.className = fresh.className;
    }
    const next = body.querySelector("[data-refresh], [data-refreshed]");
    if (next && next.dataset.refresh === undefined) delete root.dataset.refresh;
    document.dispatchEvent(new CustomEvent("refreshed", { detail: body }));
  };
  setTimeout(step, every);
});
