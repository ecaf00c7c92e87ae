create type "Role" as enum ('ADMIN', 'INSTRUCTOR', 'STUDENT');
create type "EnrollmentStatus" as enum ('PENDING', 'ACTIVE', 'DROPPED');
create type "CourseStatus" as enum ('DRAFT', 'PUBLISHED');
create table "User" (
    id text primary key,
    role "Role" not null default 'INSTRUCTOR'
);
create table "Course" (
    id text primary key,
    price double precision,
    status "CourseStatus" not null default 'DRAFT',
    "instructorId" text references "User",
    "createdAt" timestamp(3) not null default now()
);
create table "Enrollment" (
    id text primary key,
    "userId" text not null references "User" on delete cascade,
    "courseId" text not null references "Course",
    status "EnrollmentStatus" not null default 'PENDING',
    "updatedAt" timestamp(3) not null
);
create unique index on "Enrollment" ("userId", "courseId");
insert into "Course" (id, price, status) values ('draft', 0, 'DRAFT'), ('open', 5, 'PUBLISHED');
