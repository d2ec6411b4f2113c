//! Reading a damaged file of SQLite, row by row.

use std::path::Path;

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Column, Connection, Row, SqliteConnection, TypeInfo, ValueRef};

use super::{CopyError, connect};
use crate::dir::{DATABASE, failed};

/// A table whose rows are taken as they are, and the order in which it lies in the file.
struct Table {
    name: &'static str,
    columns: &'static str,
    places: &'static str,
    order: &'static str,
}

const TABLES: [Table; 8] = [
    Table {
        name: "records",
        columns: "kind, project, id, version, value",
        places: "?,?,?,?,?",
        order: "kind, project, id",
    },
    Table {
        name: "segments",
        columns: "id, name, level, rank, rows, bytes, made_at",
        places: "?,?,?,?,?,?,?",
        order: "id",
    },
    Table {
        name: "spans",
        columns: r#"project, first, rows, group_id, segment_id, "offset", time_min, time_max, blob_bytes"#,
        places: "?,?,?,?,?,?,?,?,?",
        order: "project, first",
    },
    Table { name: "sealed", columns: "project, first, received_max, summary", places: "?,?,?,?", order: "rowid" },
    Table { name: "heads", columns: "project, last, first", places: "?,?,?", order: "project" },
    Table {
        name: "id_runs",
        columns: "project, first, last, newest, level, parts, filter",
        places: "?,?,?,?,?,?,?",
        order: "rowid",
    },
    Table { name: "id_run_parts", columns: "project, first, part, hashes", places: "?,?,?,?", order: "rowid" },
    Table { name: "files", columns: "name, why", places: "?,?", order: "name" },
];

/// The damaged file.
pub(super) struct Source {
    connection: SqliteConnection,
}

impl Source {
    /// Opens a copy of the file in `work`; `None` when SQLite cannot read it at all.
    pub(super) async fn open(from: &Path, work: &Path) -> Result<Option<Self>, CopyError> {
        for name in [DATABASE, "log.sqlite-wal"] {
            let path = from.join(name);
            if path.exists() {
                std::fs::copy(&path, work.join(name)).map_err(failed(&path))?;
            }
        }
        if !work.join(DATABASE).exists() {
            return Ok(None);
        }
        let Ok(mut connection) = connect(&work.join(DATABASE)).await else { return Ok(None) };
        let tables = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema WHERE name = 'spans'");
        let known = tables.fetch_one(&mut connection).await.is_ok_and(|count| count == 1);
        Ok(known.then_some(Self { connection }))
    }

    /// Takes over what can be read; gives the tables of which something may be missing.
    pub(super) async fn copy_tables(&mut self, new: &mut SqliteConnection) -> Result<Vec<&'static str>, CopyError> {
        let mut torn = Vec::new();
        for table in &TABLES {
            let mut whole = self.copy_rows(table, "ASC", new).await;
            if !whole {
                // From the other end, up to the same place.
                self.copy_rows(table, "DESC", new).await;
            }
            if table.name == "records" {
                let broken = "DELETE FROM records WHERE NOT json_valid(CAST(value AS TEXT))";
                whole &= super::execute(new, broken).await? == 0;
            }
            if !whole {
                torn.push(table.name);
            }
        }
        Ok(torn)
    }

    /// False: the rows end before the table does.
    async fn copy_rows(&mut self, table: &Table, order: &str, new: &mut SqliteConnection) -> bool {
        let Table { name, columns, places, order: by } = table;
        let by: Vec<String> = by.split(", ").map(|column| format!("{column} {order}")).collect();
        let select = format!("SELECT {columns} FROM {name} ORDER BY {}", by.join(", "));
        let insert = format!("INSERT OR IGNORE INTO {name} ({columns}) VALUES ({places})");
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut self.connection);
        let mut whole = true;
        loop {
            let row = match rows.try_next().await {
                Ok(Some(row)) => row,
                Ok(None) => return whole,
                // A store of an earlier version has no such table.
                Err(error) if error.to_string().contains("no such table") => return true,
                Err(_) => return false,
            };
            let Some(values) = values(&row) else {
                whole = false;
                continue;
            };
            whole &= sqlx::query_with(AssertSqlSafe(insert.clone()), values).execute(&mut *new).await.is_ok();
        }
    }

    /// The blob of a group, if it can be read.
    pub(super) async fn blob(&mut self, id: i64) -> Option<Vec<u8>> {
        let query = sqlx::query_scalar("SELECT blob FROM groups WHERE id = ?1").bind(id);
        query.fetch_optional(&mut self.connection).await.ok().flatten()
    }

    pub(super) async fn close(self) {
        // It goes with its folder.
        let _ = self.connection.close().await;
    }
}

/// A row as the values of a statement; `None` when one of them is nothing that the file may hold.
fn values(row: &SqliteRow) -> Option<SqliteArguments> {
    let mut values = SqliteArguments::default();
    for column in row.columns() {
        let at = column.ordinal();
        let raw = row.try_get_raw(at).ok()?;
        let kind = raw.type_info().name().to_owned();
        let added = if raw.is_null() {
            values.add(None::<i64>)
        } else {
            match kind.as_str() {
                "TEXT" => values.add(row.try_get_unchecked::<String, _>(at).ok()?),
                "BLOB" => values.add(row.try_get_unchecked::<Vec<u8>, _>(at).ok()?),
                _ => values.add(row.try_get_unchecked::<i64, _>(at).ok()?),
            }
        };
        added.ok()?;
    }
    Some(values)
}
