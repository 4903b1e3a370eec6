// Opens the file on standard input as a spreadsheet program does, and tells its cells as JSON: rows of {t, v, f}.
import { readFileSync } from "node:fs";
import { read, utils } from "xlsx";

const book = read(readFileSync(0), { type: "buffer", cellDates: true });
const sheet = book.Sheets[book.SheetNames[0]];
const { e } = utils.decode_range(sheet["!ref"]);
const cell = (r, c) => sheet[utils.encode_cell({ r, c })] ?? {};
const rows = Array.from({ length: e.r + 1 }, (_, r) => Array.from({ length: e.c + 1 }, (_, c) => cell(r, c)));
process.stdout.write(JSON.stringify(rows.map((row) => row.map(({ t, v, f }) => ({ t, v, f })))));
