// A field for queries inside of [data-complete="URL"] suggests what could stand at the cursor. The pattern is the combobox with a list
// box of the ARIA authoring practices: the focus stays in the field, the arrows walk through the list, Enter and Tab take what is
// marked, Escape closes the list.
{
  let number = 0;
  each("[data-complete]", (box) => {
    const field = box.querySelector("input, textarea");
    // A text area may not be a combobox; it can own a list all the same.
    const single = field.tagName === "INPUT";
    const id = `completions-${++number}`;
    if (single) field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-haspopup", "listbox");
    if (single) field.setAttribute("aria-expanded", "false");
    let list = null, marked = -1, timer, stop;

    const options = () => (list ? Array.from(list.children) : []);
    const close = () => {
      clearTimeout(timer);
      stop?.abort();
      list?.remove();
      list = null;
      marked = -1;
      if (single) field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-controls");
      field.removeAttribute("aria-activedescendant");
    };
    const mark = (at) => {
      marked = at;
      options().forEach((option, n) => option.setAttribute("aria-selected", String(n === at)));
      const option = options()[at];
      if (!option) return field.removeAttribute("aria-activedescendant");
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    };
    const open = (body) => {
      const fresh = body.querySelector("[role=listbox]");
      if (!fresh || !fresh.children.length) return close();
      list?.remove();
      list = document.importNode(fresh, true);
      list.id = id;
      options().forEach((option, n) => (option.id = `${id}-${n}`));
      // The focus stays in the field.
      list.addEventListener("pointerdown", (event) => event.preventDefault());
      list.addEventListener("click", (event) => {
        const at = options().indexOf(event.target.closest("[role=option]"));
        if (at >= 0) take(at);
      });
      field.after(list);
      if (single) field.setAttribute("aria-expanded", "true");
      field.setAttribute("aria-controls", id);
      mark(-1);
    };
    const ask = async () => {
      stop?.abort();
      stop = new AbortController();
      const { signal } = stop;
      const url = new URL(box.dataset.complete, location.href);
      url.searchParams.set("q", field.value);
      url.searchParams.set("cursor", Array.from(field.value.slice(0, field.selectionStart)).length);
      const answer = await fragment(url.href, { signal }).catch(() => null);
      if (signal.aborted || !answer || !answer.response.ok || document.activeElement !== field) return;
      open(answer.body);
    };
    const soon = (wait) => {
      clearTimeout(timer);
      timer = setTimeout(ask, wait);
    };
    const take = (at) => {
      const letters = Array.from(field.value);
      const [position, length] = [Number(list.dataset.position), Number(list.dataset.length)];
      const rest = letters.slice(position + length).join("");
      const insert = options()[at].dataset.insert + (/^[\s)]/.test(rest) ? "" : " ");
      const before = letters.slice(0, position).join("") + insert;
      field.value = before + rest;
      close();
      // Behind the blank, also where it was there.
      const place = before.length + (/\s$/.test(before) ? 0 : rest.startsWith(" ") ? 1 : 0);
      field.setSelectionRange(place, place);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    };

    field.addEventListener("input", () => soon(120));
    field.addEventListener("blur", close);
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && !list) {
        // In a text area the arrows move between lines.
        if (!single && !event.altKey) return;
        event.preventDefault();
        return soon(0);
      }
      // What is on its way comes too late now.
      if (!list) return event.key === "Escape" || event.key === "Enter" ? close() : undefined;
      if (step) {
        event.preventDefault();
        const count = options().length;
        // Above the first and below the last is the field itself.
        mark(((marked + 1 + step + count + 1) % (count + 1)) - 1);
      } else if ((event.key === "Enter" || event.key === "Tab") && marked >= 0) {
        event.preventDefault();
        take(marked);
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" || event.key === "ArrowLeft" || event.key === "ArrowRight" || event.key === "Home" || event.key === "End") {
        close();
      }
    });
  });
}
