create table if not exists accounts (
    id       {id},
    email    text not null unique,
    name     text not null,
    password text,
    role     text not null default 'guest'
);

create table if not exists entries (
    id      {id},
    account bigint not null references accounts,
    text    text not null,
    picture text,
    written {time} not null
);
