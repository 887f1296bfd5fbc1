! A Fortran program on several MPI ranks, each of which makes its share of the rows; the file is the same at any number
! of ranks.
!
!     mpirun -n 4 ranks RUN COUNT FILE      writes COUNT rows of single precision, one after the other
!
! Row i is that of `ddpm sample --seed 7`. The library itself does not communicate.
program ranks
  use ddpm
  use mpi
  implicit none
  type(ddpm_generator) :: model
  character(4096) :: run, file, text
  real, allocatable :: rows(:, :) ! rows(:, i) is row i
  real(real64), allocatable :: density(:)
  integer(int64) :: total, first, last
  integer :: rank, size, output, ierr

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, size, ierr)
  call get_command_argument(1, run)
  call get_command_argument(2, text)
  call get_command_argument(3, file)
  read (text, *) total

  call model%open(run, ierr)
  call check()
  call model%set("sampling.steps", "10", ierr)
  call check()

  first = total*rank/size
  last = total*(rank + 1)/size
  allocate (rows(model%columns(), last - first), density(last - first))
  call model%sample(rows, ierr, seed=7_int64, first=first)
  call check()
  call model%likelihood(rows, density, ierr, first=first)
  call check()
  call model%close()

  if (rank == 0) open (newunit=output, file=trim(file), access="stream", status="replace")
  if (rank == 0) close (output)
  call MPI_Barrier(MPI_COMM_WORLD, ierr)
  open (newunit=output, file=trim(file), access="stream", status="old")
  write (output, pos=1 + 4*first*ubound(rows, 1)) rows
  close (output)
  call print_mean()
  call MPI_Finalize(ierr)

contains

  ! Print the mean log-likelihood of all rows.
  subroutine print_mean()
    real(real64) :: mine, all
    mine = sum(density)
    call MPI_Reduce(mine, all, 1, MPI_DOUBLE_PRECISION, MPI_SUM, 0, MPI_COMM_WORLD, ierr)
    if (rank == 0) print "(a, f8.3, a)", "mean log-likelihood", all/real(total, real64), " nats"
  end subroutine

  subroutine check()
    if (ierr == 0) return
    print "(a)", ddpm_message()
    call MPI_Abort(MPI_COMM_WORLD, 1, ierr)
  end subroutine

end program
