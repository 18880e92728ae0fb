// Asks whether there is news, and puts the new page in the old one's place: scroll, open entries and focus stay.
"use strict";
(() => {
  const EVERY_MS = 15000;
  const news = document.getElementById("news");
  const look = async () => {
    if (document.hidden) return;
    try {
      const said = await fetch(document.body.dataset.root + "/version", { cache: "no-store" });
      if (!said.ok) throw new Error(said.statusText);
      const version = (await said.text()).trim();
      if (version !== document.body.dataset.version) {
        const answer = await fetch(location.href, { cache: "no-store" });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (document.activeElement && document.activeElement.closest("form")) return; // somebody is choosing filters
        document.getElementById("main").replaceWith(document.adoptNode(page.getElementById("main")));
        document.querySelector("footer").replaceWith(document.adoptNode(page.querySelector("footer")));
        document.body.dataset.version = version;
        news.textContent = "New facts, " + new Date().toLocaleTimeString();
      } else if (news.dataset.lost) {
        news.textContent = "";
        delete news.dataset.lost;
      }
    } catch {
      news.dataset.lost = "yes";
      news.textContent = "The dashboard does not answer: what stands here may be old.";
    }
  };
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
})();
