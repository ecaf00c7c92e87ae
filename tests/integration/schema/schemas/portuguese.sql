create table perfis (
    id uuid primary key default gen_random_uuid(),
    nome text,
    papel text not null check (papel in ('aluno', 'professor', 'admin'))
);
create table cursos (
    id uuid primary key default gen_random_uuid(),
    titulo text,
    preco_centavos integer,
    publicado boolean not null default true
);
create table curso_matriculas (
    curso_id uuid references cursos on delete cascade,
    aluno_id uuid references perfis on delete cascade,
    situacao text not null default 'pendente' check (situacao in ('pendente', 'ativa', 'cancelada')),
    primary key (curso_id, aluno_id)
);
insert into cursos (preco_centavos, publicado) values (1, false), (50, true);
