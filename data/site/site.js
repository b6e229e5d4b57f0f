// The menu is longer than the window, and shows where the reader is.
addEventListener("DOMContentLoaded", () => {
  const menu = document.querySelector(".sidebar-scroll");
  const here = menu?.querySelector(".current-page");
  if (here) {
    const below = here.getBoundingClientRect().top - menu.getBoundingClientRect().top;
    menu.scrollBy({ top: below - menu.clientHeight / 2, behavior: "instant" });
  }
});
