// Menus are <details>: they open without script. Here they close when one goes elsewhere, and arrow keys walk through them.
{
  const close = (menu, focus) => {
    if (!menu.open) return;
    menu.open = false;
    if (focus) menu.querySelector("summary").focus();
  };
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) close(menu, false);
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) close(menu, false);
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest && event.target.closest("details.menu");
    if (!menu) return;
    if (event.key === "Escape") {
      close(menu, true);
      event.stopPropagation();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    event.preventDefault();
    menu.open = true;
    const items = all(".menu-list a, .menu-list button, .menu-list input:not([type=hidden])", menu).filter((item) => !item.hidden);
    const at = items.indexOf(document.activeElement);
    // From the button, up leads to the last one.
    const from = at < 0 && step < 0 ? 0 : at;
    items[(from + step + items.length) % items.length]?.focus();
  });
}
