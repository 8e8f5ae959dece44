#![allow(unused_variables)]

use cocaine::{AppError, Error, Result, worker};

#[derive(Debug, AppError)]
enum WithoutCode {
    NotFound,
}

#[derive(Debug, AppError)]
enum SameCodes {
    #[app_error(code = 1)]
    NotFound,
    #[app_error(code = 1)]
    Taken,
}

#[derive(Debug, AppError)]
enum WrongCodes {
    #[app_error(code = "1")]
    Text,
    #[app_error(code = 3_000_000_000)]
    Wide,
    #[app_error(number = 1)]
    Unknown,
}

#[derive(Debug, AppError)]
enum Others {
    #[app_error(other)]
    First(Error),
    #[app_error(other)]
    Second(Error),
    #[app_error(other)]
    Unit,
    #[app_error(other, code = 1)]
    Both(Error),
}

#[derive(Debug, AppError)]
struct NoEnum;

#[derive(Debug, AppError)]
enum OfAnotherType {
    #[app_error(other)]
    Other(std::io::Error),
}

#[derive(Debug, AppError)]
enum WithoutText {
    #[app_error(code = 1)]
    NotFound,
}

#[worker(errors(NotFound = 1, NotFound = 2, Taken = 1, Far = 1.5))]
async fn duplicates() -> Result<()> {
    Ok(())
}

#[worker(errors(NotFound))]
async fn without_code() -> Result<()> {
    Ok(())
}

#[worker(errors = 1, errors(A = 1), errors(B = 2))]
async fn twice() -> Result<()> {
    Ok(())
}

fn main() {}
