"""What a reader sees, and what a program reads."""

from measurement import LOADED


def best_variant(variants):
    """The fastest variant's name and result."""
    return max(variants.items(), key=lambda named: named[1].best)


def row(name, results, columns):
    """A workload, a number for each column, and Chainrule's ratio to the best rival."""
    cells, rates = [name], {}
    for column in columns:
        if results.get(column):
            _, best = best_variant(results[column])
            rates[column] = best.best
            cells.append(f"{best.best:,.0f}" + ("*" if best.loaded else " "))
        else:
            cells.append("- ")
    own = rates.pop("chainrule", None)
    if own and rates:
        rival = max(rates, key=rates.get)
        cells.append(f"{own / rates[rival]:.2f} {rival}")
    else:
        cells.append("-")
    return cells


def table(results, columns):
    """All workloads, in samples a second, and what the marks mean."""
    head = ["workload", *(f"{column} " for column in columns), "chainrule to the best"]
    rows = [head] + [row(name, found, columns) for name, found in results.items()]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for cells in rows:
        first, *middle, last = cells
        padded = [cell.rjust(width) for cell, width in zip(middle, widths[1:-1])]
        lines.append("  ".join([first.ljust(widths[0]), *padded, last]))
    if any(cell.endswith("*") for cells in rows for cell in cells):
        lines += ["", f"* The windows differ by more than {LOADED:.0%}: the machine does something else."]
        lines.append("  Such a number, and a ratio to it, means little. Repeat it when the machine is idle.")
    return "\n".join(lines)


def document(machine, versions, seconds, results, left_out):
    """All that was measured, for a program. No window is known to more than a few digits."""

    def entry(result):
        return {
            "samples_per_second": round(result.best, 1),
            "spread": round(result.spread, 3),
            "rounds": [[round(window, 1) for window in windows] for windows in result.rounds],
            "parameters": result.parameters,
            "losses": [[round(loss, 4) for loss in losses] for losses in result.losses],
        }

    def of(rivals):
        return {
            rival: {variant: entry(result) for variant, result in variants.items()}
            for rival, variants in rivals.items()
        }

    return {
        "machine": machine,
        "versions": versions,
        "seconds": seconds,
        "results": {name: of(rivals) for name, rivals in results.items()},
        "left_out": left_out,
    }
