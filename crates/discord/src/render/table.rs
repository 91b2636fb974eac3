//! Tables, readable on a phone: narrow ones are aligned in a code block, wide ones become a list.

use guildhall_core::document::{Rich, Span, Table};

use super::{markdown, page::Pages};

/// The characters that fit on a phone's line in a code block.
const PHONE: usize = 38;
/// Rows of an aligned table a block, so that a block always fits on a page.
const ROWS: usize = 30;

/// Adds the table.
pub(super) fn lay_out(pages: &mut Pages, table: &Table) {
    let columns = table.columns.len().max(table.rows.iter().map(Vec::len).max().unwrap_or_default());
    if columns == 0 {
        return;
    }
    match widths(table, columns) {
        Some(widths) => aligned(pages, table, &widths),
        None => listed(pages, table),
    }
}

/// The columns' widths, when the table can be aligned: plain cells of one line, narrow enough. A moment, a person or
/// a link would lose what makes them useful in a code block.
fn widths(table: &Table, columns: usize) -> Option<Vec<usize>> {
    let mut widths = vec![0; columns];
    for (width, heading) in widths.iter_mut().zip(&table.columns) {
        *width = markdown::visible(heading).chars().count();
    }
    for row in &table.rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            let live = |span: &Span| !matches!(span, Span::Plain(_) | Span::Strong(_) | Span::Code(_));
            let text = markdown::plain(cell);
            if cell.0.iter().any(live) || text.contains(['\n', '\t']) {
                return None;
            }
            *width = text.chars().count().max(*width);
        }
    }
    let total: usize = widths.iter().sum::<usize>() + 2 * (columns - 1);
    (total <= PHONE).then_some(widths)
}

fn aligned(pages: &mut Pages, table: &Table, widths: &[usize]) {
    let headings: Vec<String> =
        table.columns.iter().map(|text| markdown::visible(text).replace('\n', " ")).collect();
    let mut lines = Vec::with_capacity(table.rows.len() + 1);
    if headings.iter().any(|heading| !heading.trim().is_empty()) {
        lines.push(padded(&headings, widths));
    }
    for row in &table.rows {
        lines.push(padded(&row.iter().map(markdown::plain).collect::<Vec<_>>(), widths));
    }
    for block in lines.chunks(ROWS) {
        let text = markdown::fence_safe(&block.join("\n"));
        if !text.trim().is_empty() {
            pages.line(vec![markdown::code_block(&text)]);
        }
    }
}

fn padded(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        let missing = width.saturating_sub(cell.chars().count()) + 2;
        line.extend(std::iter::repeat_n(' ', missing));
    }
    line.truncate(line.trim_end().len());
    line
}

/// The first cell stands for the row; the others follow with their headings.
fn listed(pages: &mut Pages, table: &Table) {
    for row in &table.rows {
        let mut atoms = Vec::new();
        for (at, cell) in row.iter().enumerate() {
            if at == 0 {
                atoms.extend(first(cell));
                continue;
            }
            let cell = markdown::atoms(cell);
            if cell.iter().all(|atom| atom.trim().is_empty()) {
                continue;
            }
            atoms.push(" · ".to_owned());
            if let Some(heading) = table.columns.get(at).filter(|heading| !heading.trim().is_empty()) {
                atoms.extend(markdown::atoms(&format!("{heading}: ").into()));
            }
            atoms.extend(cell);
        }
        pages.line(atoms);
    }
}

/// Plain text in the first cell stands out.
fn first(cell: &Rich) -> Vec<String> {
    let spans = cell.0.iter().map(|span| match span {
        Span::Plain(text) => Span::Strong(text.clone()),
        other => other.clone(),
    });
    markdown::atoms(&Rich(spans.collect()))
}
