//! `/l/{code}`: where the short links in our texts lead. [`get`] counts and leads on, [`head`] only
//! says where to; [`visitor`] tells people from programs
//! that only show what is behind a link; [`page`] is for links that lead nowhere.

pub mod get;
pub mod head;
mod page;
mod visitor;
