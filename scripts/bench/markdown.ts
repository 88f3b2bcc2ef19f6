/** A Markdown table, padded so that it reads well as it is. Columns of numbers stand to the right. */
export function markdownTable(head: string[], rows: string[][]): string {
  const columns = head.map((title, place) => [title, ...rows.map((row) => row[place] ?? "")]);
  const widths = columns.map((cells) => Math.max(3, ...cells.map(({ length }) => length)));
  const isNumeric = columns.map(([, ...cells]) =>
    cells.every((cell) => /^[-+\d,. %]*$/.test(cell)),
  );

  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const padded = (cells: string[]) =>
    cells.map((cell, place) => {
      const width = widths[place] ?? 0;
      return isNumeric[place] === true ? cell.padStart(width) : cell.padEnd(width);
    });
  const rule = widths.map((width, place) =>
    isNumeric[place] === true ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
  );
  return [line(padded(head)), line(rule), ...rows.map((row) => line(padded(row)))].join("\n");
}
