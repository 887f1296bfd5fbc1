! What push_rows.c does, with the module ddpm_train; COLUMNS -1: rows lack a column. Row i is given in single precision
! where i is even, else in double, always as a section of an array.
program push_rows
  use ddpm_train
  use mpi_f08
  implicit none
  type(ddpm_training) :: training
  type(ddpm_generator) :: model
  character(4096) :: arguments(7)
  character(:), allocatable :: config
  real(real32), allocatable :: rows(:, :), wide(:, :), sample(:, :)
  real(real64) :: loss
  integer :: input, bytes, i, part, parts, columns, count, window, iterations, rank, ranks, ierr
  integer(int64) :: most

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks)
  do i = 1, 7
    call get_command_argument(i, arguments(i))
  end do
  read (arguments(3:6), *) columns, most, window, parts

  open (newunit=input, file=trim(arguments(1)), access="stream", status="old")
  inquire (input, size=bytes)
  allocate (character(bytes) :: config)
  read (input) config
  close (input)
  read (config(index(config, "iterations: ") + 12:), *) iterations
  open (newunit=input, file=trim(arguments(2)), access="stream", status="old")
  inquire (input, size=bytes)
  count = bytes/4/abs(columns)
  allocate (rows(abs(columns), count), wide(2*abs(columns), count), source=0.0)
  read (input) rows
  close (input)
  wide(::2, :) = rows

  call training%create(MPI_COMM_WORLD%MPI_VAL, config, abs(columns), ierr, most=most, window=window /= 0)
  call check()
  if (columns < 0) call training%push(0_int64, wide(:-columns - 1, :), ierr)
  call check()
  do part = 1, parts
    do i = count*(part - 1)/parts, count*part/parts - 1
      if (modulo(i/7, ranks) /= rank) cycle
      if (modulo(i, 2) == 0) then
        call training%push(int(i, int64), wide(::2, i + 1:i + 1), ierr)
      else
        call training%push(int(i, int64), real(wide(::2, i + 1:i + 1), real64), ierr)
      end if
      call check()
    end do
    call training%step(iterations/parts, ierr)
    call check()
  end do
  if (training%iteration() /= iterations) error stop "iterations"
  call training%validate(loss, ierr)
  call check()
  call training%save(arguments(7), ierr)
  call check()
  call training%generator(model, ierr)
  call check()
  call training%close()
  allocate (sample(model%columns(), 1))
  call model%sample(sample, ierr, seed=1_int64)
  call check()
  print "(*(es16.8))", sample
  call model%close()
  call MPI_Finalize()

contains

  subroutine check() ! All ranks have the same status, and end.
    if (ierr == 0) return
    if (rank == 0) print "(a)", ddpm_message()
    call MPI_Finalize()
    stop 64
  end subroutine

end program
