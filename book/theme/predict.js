// Predict first: the reader guesses, and the page then shows the guess beside the answer. A guess stays
// in this browser, where `export` makes a file of all. Without this script the answers are folded.
{
  const PREFIX = "chainrule.predict/";

  /** Runs `act` on the browser's storage: false where the browser forbids it or has no room. */
  const attempt = (act) => {
    try {
      act(localStorage);
      return true;
    } catch {
      return false;
    }
  };
  const recall = (key) => {
    let kept = null;
    attempt((storage) => (kept = JSON.parse(storage.getItem(key))));
    return kept;
  };

  /** The guess in a form: a text, or a list of the sliders' values. */
  function read(form, kind) {
    const values = new FormData(form).getAll("guess");
    return kind === "sketch" ? values : values[0];
  }

  function write(form, kind, guess) {
    const inputs = [...form.querySelectorAll("input")];
    if (kind === "number") inputs[0].value = guess;
    if (kind === "choice") for (const input of inputs) input.checked = input.value === guess;
    if (kind === "sketch") inputs.forEach((input, k) => (input.value = guess[k] ?? input.value));
  }

  function activate(block) {
    const data = JSON.parse(block.dataset.predict);
    const key = `${PREFIX}${data.page}/${data.id}`;
    const form = block.querySelector("form");
    const comparison = block.querySelector(".predict-comparison");
    const answer = block.querySelector(".predict-answer");
    const clear = block.querySelector(".predict-clear");
    const sliders = form.querySelectorAll("input[type=range]");

    // The picture or output that follows shows the answer. It is covered until there is a guess, the answer is
    // unfolded, or the reader clicks on it or comes for it. A widget shows nothing before it is moved.
    const next = block.nextElementSibling;
    const isCovered = next?.matches("figure, .output") && !next.querySelector(".widget");
    const uncover = () => next?.classList.remove("predict-covered");
    const follow = () => location.hash === `#${next?.id}` && uncover();
    if (isCovered) {
      next.classList.add("predict-covered");
      next.addEventListener("click", uncover);
      answer.addEventListener("toggle", () => answer.open && uncover());
      addEventListener("hashchange", follow);
      follow();
    }

    const showSliders = () => {
      for (const slider of sliders) {
        slider.closest(".predict-place").querySelector(".predict-value").textContent = slider.value;
        slider.setAttribute("aria-valuetext", slider.value + slider.dataset.unit);
      }
    };
    const measured = (shown) => {
      for (const mark of form.querySelectorAll(".predict-mark, .predict-there")) mark.hidden = !shown;
      clear.hidden = !shown;
      answer.open = shown;
      showSliders();
    };

    /** The guess and the answer in words. What Markdown made of an answer is copied. */
    function compare(guess, isKept) {
      const parts = [];
      if (data.kind === "sketch") {
        parts.push("Your sketch and the measured values: ");
        const places = data.at.map((at, k) => `at ${at}, ${guess[k]} and ${data.answer[k]}`);
        parts.push(`${places.join("; ")}.`);
      } else {
        const chosen = form.querySelector("input:checked")?.nextElementSibling;
        const guessed = chosen ? [...chosen.cloneNode(true).childNodes] : [guess];
        const right = answer.querySelector(".predict-measured").cloneNode(true);
        parts.push("Your guess: ", ...guessed, ". The answer: ", ...right.childNodes, ".");
      }
      if (!isKept) parts.push(" This browser keeps no guesses: it will be gone when you leave the page.");
      comparison.replaceChildren(...parts);
      measured(true);
      uncover();
    }

    form.addEventListener("input", showSliders);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const guess = read(form, data.kind);
      const entry = JSON.stringify({ ...data, guess });
      compare(guess, attempt((storage) => storage.setItem(key, entry)));
    });
    clear.addEventListener("click", () => {
      attempt((storage) => storage.removeItem(key));
      form.reset();
      measured(false);
      comparison.textContent = "Your guess is cleared.";
      form.querySelector("input").focus();
    });

    form.hidden = false;
    showSliders();
    const kept = recall(key);
    if (kept) {
      write(form, data.kind, kept.guess);
      compare(kept.guess, true);
    }
  }

  /** All guesses of this browser, of every page, as a file. */
  function save() {
    const keys = [];
    attempt((storage) => keys.push(...Object.keys(storage).filter((key) => key.startsWith(PREFIX))));
    const answers = keys.sort().map(recall);
    const file = new Blob([JSON.stringify({ book: "Chainrule", answers }, null, 2) + "\n"], {
      type: "application/json",
    });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = "chainrule-answers.json";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  const blocks = document.querySelectorAll("main .predict");
  blocks.forEach(activate);
  if (blocks.length > 0) {
    const line = document.createElement("p");
    line.className = "predict-export";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Export my guesses";
    button.addEventListener("click", save);
    line.append("Your guesses stay in this browser. ", button);
    document.querySelector("main").append(line);
  }
}
