// What stands beside the table comes by itself: an element with data-load is filled from there, and no longer when the page has
// something else to show. The values of a filter come when its menu is opened. On the histogram an interval is selected by dragging,
// or by Shift and the arrow keys.
{
  const under = new Map();
  /** Gives up what is being fetched for parts of the page that are about to go. */
  const abandon = () => {
    for (const stop of under.values()) stop.abort();
    under.clear();
  };
  addEventListener("leaving", abandon);

  const fetched = async (element, url) => {
    const stop = new AbortController();
    under.set(element, stop);
    try {
      const { response, body } = await fragment(url, { signal: stop.signal });
      if (stop.signal.aborted || !element.isConnected) return null;
      return response.ok ? body : new Error();
    } catch (error) {
      return error.name === "AbortError" ? null : error;
    } finally {
      if (under.get(element) === stop) under.delete(element);
    }
  };

  const failed = (element) => {
    const said = document.createElement("p");
    said.className = "failed";
    const again = document.createElement("button");
    again.type = "button";
    again.className = "linklike";
    again.textContent = element.dataset.again;
    again.addEventListener("click", () => load(element));
    said.append(element.dataset.failed, " ", again);
    element.replaceChildren(said);
  };
  const load = async (element) => {
    const body = await fetched(element, element.dataset.load);
    if (body instanceof Error) failed(element);
    else if (body) fill(element, body);
    // The number is told where everything that matches can be downloaded, too.
    if (element.id === "found" && body) {
      const cut = !(body instanceof Error) && element.querySelector("[data-cut]");
      for (const note of all(".download-menu [data-cut]")) note.hidden = !cut;
      for (const copy of all("[data-count]")) copy.textContent = body instanceof Error ? "" : body.textContent.trim();
    }
  };
  each("[data-load]", load);

  // A filter's values.
  document.addEventListener("toggle", async (event) => {
    const menu = event.target.closest && event.target.closest("details.filter-menu");
    const list = menu && menu.open && menu.querySelector("[data-facets]");
    if (!list) return;
    const url = list.dataset.facets;
    delete list.dataset.facets;
    const choices = list.querySelector(".menu-choices");
    choices.setAttribute("aria-busy", "true");
    const body = await fetched(choices, url);
    choices.removeAttribute("aria-busy");
    // It is asked again when the menu is opened again.
    if (!body || body instanceof Error) return void (list.dataset.facets = url);
    const checked = new Map(all("input", choices).map((box) => [box.value, box.checked]));
    const focused = choices.contains(document.activeElement) ? document.activeElement.value : null;
    fill(choices, body);
    for (const box of all("input", choices)) {
      if (checked.has(box.value)) box.checked = checked.get(box.value);
      if (box.value === focused) box.focus();
    }
  }, true);

  // A download leaves the page as it is, and the browser tells of the file elsewhere.
  on("submit", "form[data-download]", (event, form) => {
    const begun = document.querySelector("[data-begun]");
    const told = begun.querySelector("p");
    const count = form.querySelector("[data-count]").textContent.trim();
    const { list, export: whole, uncounted } = told.dataset;
    told.textContent = !event.submitter?.value ? list : count ? whole.replace("{}", count) : uncounted;
    begun.hidden = false;
    say(told.textContent);
    const menu = form.closest("details");
    menu.querySelector("summary").focus();
    menu.open = false;
  });

  // The histogram.
  each("svg[data-histogram]", (svg) => {
    const buckets = all(".bucket", svg);
    const bars = all(".bucket a", svg);
    const mark = svg.querySelector(".selection");
    let anchor = null, end = null;

    const span = () => [Math.min(anchor, end), Math.max(anchor, end)];
    const shown = () => {
      if (anchor === null) return mark.setAttribute("width", "0");
      const [from, to] = span().map((at) => buckets[at].querySelector(".hit"));
      const left = parseFloat(from.getAttribute("x"));
      mark.setAttribute("x", `${left}%`);
      mark.setAttribute("width", `${parseFloat(to.getAttribute("x")) + parseFloat(to.getAttribute("width")) - left}%`);
    };
    const drop = () => {
      anchor = end = null;
      shown();
    };
    const select = () => {
      const [from, to] = span();
      const url = new URL(svg.dataset.histogram, location.href);
      url.searchParams.set("from", buckets[from].dataset.from);
      url.searchParams.set("to", buckets[to].dataset.to);
      visit(url.href);
    };
    const at = (event) => {
      const box = svg.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width) * 100;
      const found = buckets.findIndex((bucket) => {
        const hit = bucket.querySelector(".hit");
        return share < parseFloat(hit.getAttribute("x")) + parseFloat(hit.getAttribute("width"));
      });
      return found < 0 ? buckets.length - 1 : found;
    };

    // Dragging. A link would be dragged itself.
    let dragged = false;
    svg.addEventListener("dragstart", (event) => event.preventDefault());
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !buckets.length) return;
      dragged = false;
      anchor = end = at(event);
      const move = (event) => {
        const now = at(event);
        if (now === end) return;
        end = now;
        dragged = true;
        shown();
      };
      const up = () => {
        for (const [type, handle] of [["pointermove", move], ["pointerup", up], ["pointercancel", cancel]]) removeEventListener(type, handle);
        if (dragged) select();
        else drop();
      };
      const cancel = () => {
        dragged = false;
        up();
      };
      for (const [type, handle] of [["pointermove", move], ["pointerup", up], ["pointercancel", cancel]]) addEventListener(type, handle);
    });
    svg.addEventListener("click", (event) => {
      const bar = event.target.closest("a");
      if (dragged) return event.preventDefault();
      if (!bar || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      visit(bar.getAttribute("href"));
    });

    // By keyboard it is one stop; the arrows walk over the bars.
    bars.forEach((bar, n) => bar.setAttribute("tabindex", n ? "-1" : "0"));
    svg.addEventListener("keydown", (event) => {
      const bar = event.target.closest("a");
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!bar) return;
      if (event.key === "Escape" && anchor !== null) {
        event.stopPropagation();
        return drop();
      }
      if (event.key === "Enter" && anchor !== null) {
        event.preventDefault();
        return select();
      }
      if (!step) return;
      event.preventDefault();
      if (event.shiftKey) {
        if (anchor === null) anchor = end = buckets.indexOf(bar.closest(".bucket"));
        end = Math.max(0, Math.min(buckets.length - 1, end + step));
        shown();
        const [from, to] = span();
        say(`${buckets[from].dataset.begins} – ${buckets[to].dataset.ends}`);
        return;
      }
      drop();
      const next = bars[bars.indexOf(bar) + step];
      if (!next) return;
      bar.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  });
}
