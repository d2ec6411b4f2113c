// A link or form with data-dialog opens the page it leads to as a dialog over this one. <dialog> traps the focus and gives it back.
{
  const open = async (url) => {
    const { response, body } = await fragment(url);
    if (!response.ok) {
      location.assign(url);
      return;
    }
    const opener = document.activeElement;
    const dialog = document.createElement("dialog");
    dialog.className = "dialog";
    const content = document.createElement("div");
    content.className = "content";
    dialog.append(content);
    document.body.append(dialog);
    fill(content, body);
    const heading = content.querySelector("h1");
    if (heading) {
      heading.id = heading.id || "dialog-title";
      dialog.setAttribute("aria-labelledby", heading.id);
    }
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (opener && opener.isConnected) opener.focus();
    });
    dialog.showModal();
  };

  on("click", "a[data-dialog]", (event, link) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    // A menu that the link lies in closes; the focus comes back to its button.
    const menu = link.closest("details.menu");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    open(link.href);
  });
  on("submit", "form[data-dialog]", (event, form) => {
    const button = event.submitter;
    if (button && button.formMethod === "post" && button.hasAttribute("formmethod")) return;
    event.preventDefault();
    const url = new URL(button && button.hasAttribute("formaction") ? button.formAction : form.action);
    url.search = new URLSearchParams(new FormData(form, button)).toString();
    open(url.href);
  });
  on("click", "dialog [data-close]", (event, element) => {
    event.preventDefault();
    element.closest("dialog").close();
  });
}
